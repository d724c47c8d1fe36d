"""Every environment that has ipykernel as a kernel of Notebook and Lab, also one that is made while they run.

The kernels of the server itself, of the site and of the user (R, Julia) stay as they are. An environment's
kernel goes through ``enter.sh``, so that each start of it has the environment as it is then.

``HPCHUB_ENV_FOLDERS`` in the server's environment says where to look, as JSON: ``own``, a folder whose
entries are environments, and ``shared``, environments by name. Lists of kernels are asked for all the time:
an environment is looked at again only when one of its folders has changed.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel

__all__ = ["EnvironmentKernels", "Folders", "Kernel", "folders_of", "kernels_in"]

ENTER = Path(__file__).resolve().with_name("enter.sh")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}\Z")
MOST = 500  # environments; a folder with more of them was not made for this


@dataclass(frozen=True)
class Folders:
    """Where environments lie.

    Attributes
    ----------
    own : str
        The folder of the user's own ones; empty for none.
    shared : dict of str to str
        Those of the site: their folders by name.
    """

    own: str
    shared: dict[str, str]


@dataclass(frozen=True)
class Kernel:
    """One environment's kernel.

    Attributes
    ----------
    name : str
        The kernel's, which notebooks keep; as `nb_conda_kernels` names them, whose notebooks so open here.
    address : str
        The environment's path for everybody.
    version : str
        Of Python, such as ``3.11``.
    resources : str
        The folder of its logos.
    """

    name: str
    environment: str
    address: str
    version: str
    resources: str

    def spec(self) -> KernelSpec:
        """Describe it as Jupyter does."""
        enter = ["/bin/bash", str(ENTER), self.environment, self.address]
        return KernelSpec(
            argv=[*enter, "@python@", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name=f"Python {self.version} ({self.environment})",
            language="python",
            metadata={"debugger": True, "hpchub_environment": self.environment},
            resource_dir=self.resources,
        )


def folders_of(text: str) -> Folders:
    """Read ``HPCHUB_ENV_FOLDERS``; what cannot be understood offers nothing.

    >>> folders_of('{"own": "/scratch/a/.conda/envs"}').own
    '/scratch/a/.conda/envs'
    """
    try:
        raw = json.loads(text)
        return Folders(str(raw.get("own", "")), {str(k): str(v) for k, v in raw.get("shared", {}).items()})
    except (ValueError, AttributeError):
        return Folders("", {})


def addresses(folders: Folders) -> dict[str, tuple[str, str]]:
    """Return the environments by their kernels' names: name and path. The user's own come first."""
    found = {f"conda-shared-{name}-py": (name, path) for name, path in folders.shared.items()}
    own, _more = own_in(folders)
    found.update((f"conda-env-{name}-py", (name, os.path.join(folders.own, name))) for name in own)
    return found


def own_in(folders: Folders) -> tuple[list[str], int]:
    """Return the names of the user's own environments, and of how many more that is not all."""
    try:
        names = sorted(filter(NAME.match, os.listdir(folders.own))) if folders.own else []
    except OSError:
        names = []
    return names[:MOST], max(0, len(names) - MOST)


class Looks:
    """What was seen in environments, by path; looked at again when a folder's time has changed."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[tuple[object, ...], tuple[str, str] | None]] = {}

    def at(self, address: str) -> tuple[str, str] | None:
        """Return an environment's Python version and its ipykernel's resources; None without a kernel."""
        try:
            prefix = os.path.realpath(address)
            interpreter = os.path.realpath(os.path.join(prefix, "bin", "python"))
            version = re.match(r"python(\d+\.\d+)\Z", os.path.basename(interpreter))
            if version is None or not os.access(interpreter, os.X_OK):
                return None
            packages = os.path.join(prefix, "lib", f"python{version.group(1)}", "site-packages")
            mark = (prefix, interpreter, os.stat(packages).st_mtime_ns)
        except OSError:
            return None
        seen = self._seen.get(address)
        if seen is None or seen[0] != mark:
            seen = self._seen[address] = (mark, self._look(packages, version.group(1)))
        return seen[1]

    @staticmethod
    def _look(packages: str, version: str) -> tuple[str, str] | None:
        package = os.path.join(packages, "ipykernel")
        if not os.path.isfile(os.path.join(package, "__init__.py")):
            return None
        return version, os.path.join(package, "resources")


def kernels_in(folders: Folders, looks: Looks) -> dict[str, Kernel]:
    """Return the kernels that there are now, by name."""
    found = {}
    for name, (environment, address) in addresses(folders).items():
        seen = looks.at(address)
        if seen is not None:
            found[name] = Kernel(name, environment, address, *seen)
    return found


class EnvironmentKernels(KernelSpecManager):
    """Jupyter's own kernels, and those of environments."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._folders = folders_of(os.environ.get("HPCHUB_ENV_FOLDERS", ""))
        self._looks = Looks()
        self._now: dict[str, Kernel] | None = None
        self._said = False

    def _of_environments(self) -> dict[str, Kernel]:
        return self._look_around() if self._now is None else self._now

    def _look_around(self) -> dict[str, Kernel]:
        found = kernels_in(self._folders, self._looks)
        if own_in(self._folders)[1] and not self._said:
            self._said = True
            self.log.warning("There are more than %d environments; the others are no kernels.", MOST)
        allowed = self.allowed_kernelspecs
        return {name: one for name, one in found.items() if not allowed or name in allowed}

    def get_all_specs(self) -> dict[str, Any]:
        """Describe all kernels; Jupyter asks for each by itself, and one look is enough for all of them."""
        self._now = self._look_around()
        try:
            specs: dict[str, Any] = super().get_all_specs()
            return specs
        finally:
            self._now = None

    def find_kernel_specs(self) -> dict[str, str]:
        """Return the folders with the logos of all kernels, by name."""
        usual: dict[str, str] = super().find_kernel_specs()
        # Whoever has installed a kernel of that name has meant it.
        return {**{name: one.resources for name, one in self._of_environments().items()}, **usual}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Describe one kernel.

        Raises
        ------
        NoSuchKernel
            There is none of that name, or not any more.
        """
        try:
            return super().get_kernel_spec(kernel_name)
        except NoSuchKernel:
            known = self._of_environments()
            lower = {name.lower(): one for name, one in known.items()}
            kernel = known.get(kernel_name) or lower.get(kernel_name.lower())
            if kernel is None:
                raise
            return kernel.spec()

    def remove_kernel_spec(self, name: str) -> str:
        """Remove a kernel that was installed; one of an environment is a part of that, and stays."""
        if name in self._of_environments() and name not in super().find_kernel_specs():
            raise KeyError(name)
        return str(super().remove_kernel_spec(name))
