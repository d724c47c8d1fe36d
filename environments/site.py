"""What a site says of environments: ``environments.toml``, readable by all, for it runs as the users.

The file is found by ``HPCHUB_ENVIRONMENTS``, else at ``/etc/hpchub/environments.toml``.
"""

from __future__ import annotations

import os
import pwd
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from environments.layout import Layout

__all__ = [
    "DEFAULT_PATH",
    "Image",
    "PluginSet",
    "Runtime",
    "Set",
    "Shared",
    "Site",
    "SiteError",
    "load_site",
    "own_name",
]

DEFAULT_PATH: Final = Path("/etc/hpchub/environments.toml")

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}$")]


class SiteError(Exception):
    """The file cannot be used; the text names it, what is wrong in it, and what to write."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Titled(_Model):
    name: Name
    title: str = ""
    title_ko: str = ""
    about: str = ""
    about_ko: str = ""

    def title_in(self, lang: str) -> str:
        return (self.title_ko if lang == "ko" else "") or self.title or self.name

    def about_in(self, lang: str) -> str:
        return (self.about_ko if lang == "ko" else "") or self.about


class Set(_Titled):
    """A set of packages that Bootstrap can make; solved once by the administrator into `lock` files.

    Attributes
    ----------
    definition : str
        The ``environments/NAME.yml`` that `hpchub env lock` solves.
    channels : tuple of str
        Instead of the site's.
    """

    definition: str = ""
    channels: tuple[str, ...] = ()


class PluginSet(_Model):
    """What the action Plugins adds."""

    specs: tuple[str, ...] = ()


class Shared(_Titled):
    """An environment of the site's own that users start from and cannot change."""

    prefix: Path


class Runtime(_Model):
    """How a container runtime of the site is called.

    Attributes
    ----------
    command : tuple of str
        Words; ``{image}`` stands for the image, ``{workdir}`` for the folder to begin in, and a word that is
        just ``{binds}``, ``{gpus}``, ``{environment}`` or ``{command}`` for as many words as that takes.
    bind : tuple of str
        The words for one bound folder, with ``{path}``.
    binds : tuple of str
        Folders for every image of this runtime. What lies in one of them needs no place of its own in an
        image, so ``/home`` here spares a read-only image every user's home.
    gpu : tuple of str
        Words that let the GPUs in, where the job has any.
    variable : tuple of str
        The words for one environment variable, with ``{name}`` and ``{value}``; empty where the runtime
        hands on the whole environment by itself.
    """

    command: tuple[str, ...]
    bind: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()
    gpu: tuple[str, ...] = ()
    variable: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Runtime:
        for needed in ("{image}", "{command}"):
            if not any(needed in word for word in self.command):
                raise ValueError(f"the command has no {needed}, so nothing would be started")
        for whole in ("{binds}", "{gpus}", "{environment}", "{command}"):
            if any(whole in word and word != whole for word in self.command):
                raise ValueError(f"{whole} must be a word of its own")
        if self.variable and "{environment}" not in self.command:
            raise ValueError("there are words for a variable, but the command has no {environment}")
        if self.bind and "{binds}" not in self.command:
            raise ValueError("there are words for a folder, but the command has no {binds}")
        return self


class Image(_Titled):
    """A container image that users may start from.

    Attributes
    ----------
    runtime : str
        A key of `Site.runtimes`.
    path : str
        A .sif, an unpacked image's folder, or what the runtime understands.
    python : str
        The interpreter inside that has jupyterhub and a notebook server.
    binds : tuple of str
        Folders besides home, scratch and hpchub's own.
    environment : mapping
        Variables inside, such as ``DOCKER_STACKS_JUPYTER_CMD``.
    queues : tuple of str
        Only on these queues; empty for all.
    """

    runtime: str
    path: str
    python: str = "/opt/conda/bin/python"
    binds: tuple[str, ...] = ()
    environment: Mapping[str, str] = Field(default_factory=dict)
    queues: tuple[str, ...] = ()


class Site(_Model):
    """All settings. Every one has a comment in ``demo/etc/environments.toml.j2`` and docs/environments.md."""

    root: str = "/scratch/{user}/.conda"
    workspace: str = "/scratch/{user}/workspace"
    default: Name = "notebook"
    channels: tuple[str, ...] = ()
    engine: Literal["rattler", "conda", "mamba", "micromamba"] = "rattler"
    engine_program: str = ""
    platform: str = ""
    locks: Path | None = None
    shared_cache: Path | None = None
    keep_generations: Annotated[int, Field(ge=1, le=100)] = 2
    stall_seconds: Annotated[int, Field(ge=5)] = 120
    least_free_mb: Annotated[int, Field(ge=0)] = 1024
    queue: str = "jupyter"
    minutes: Annotated[int, Field(ge=1)] = 60
    without: Literal["offer", "require"] = "offer"
    variables: Mapping[str, str] = Field(default_factory=dict)
    sets: tuple[Set, ...] = ()
    plugins: PluginSet = PluginSet()
    cuda: Mapping[str, str] = Field(default_factory=dict)
    shared: tuple[Shared, ...] = ()
    runtimes: Mapping[str, Runtime] = Field(default_factory=dict)
    images: tuple[Image, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Site:
        for image in self.images:
            if image.runtime not in self.runtimes:
                known = ", ".join(self.runtimes) or "none"
                raise ValueError(
                    f"image {image.name}: there is no runtime {image.runtime!r}; there are: {known}"
                )
        for kind, names in (("set", self.sets), ("shared", self.shared), ("image", self.images)):
            given = [one.name for one in names]
            if twice := sorted({name for name in given if given.count(name) > 1}):
                raise ValueError(f"{kind} {twice[0]} is there twice")
        return self

    def layout_of(self, user: str) -> Layout:
        return Layout(Path(self.root.replace("{user}", user)))

    def workspace_of(self, user: str) -> Path:
        return Path(self.workspace.replace("{user}", user))

    def set_named(self, name: str) -> Set | None:
        """Return the set of this name; the first one for an empty name."""
        return next((one for one in self.sets if name in ("", one.name)), None)


def load_site(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Site:
    """Read the site's file.

    Raises
    ------
    SiteError
        When it is missing or wrong.
    """
    path = path or Path(environ.get("HPCHUB_ENVIRONMENTS") or DEFAULT_PATH)
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return Site(**raw)
    except OSError as error:
        raise SiteError(
            f"{path} cannot be read: {error.strerror}; set HPCHUB_ENVIRONMENTS or make it"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SiteError(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SiteError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from None


def own_name() -> str:
    """Return the name of the account that this process runs as."""
    return pwd.getpwuid(os.getuid()).pw_name
