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

from pydantic import BaseModel, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import ErrorDetails

from environments.channels import Channels
from environments.layout import Layout
from environments.names import check_environment
from environments.problems import Problem
from environments.site_parts import (
    AbsolutePath,
    Address,
    Cuda,
    Image,
    Model,
    Name,
    Runtime,
    Set,
    Shared,
    UserPath,
    Variables,
)
from environments.site_profile import PluginSet, Profile
from environments.specs import check_specs

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

Platform = Annotated[str, StringConstraints(pattern=r"^linux-[a-z0-9]{2,12}$")]


class SiteError(Exception):
    """The file cannot be used; the text names it, what is wrong in it, and what to write."""


class Site(Model):
    """All settings. Every one has a comment in ``demo/etc/environments.toml.j2`` and docs/environments.md.

    Attributes
    ----------
    root : str
        Where a user's environments lie, absolute, with ``{user}`` for the account's name.
    workspace : str
        The user's notebooks; never touched, and copied by 'Take it with me'. With ``{user}``.
    default : str
        The environment that the buttons mean, and that a server starts from when nothing else is chosen.
    channels : tuple of str
        URLs of conda channels, ``https://``, ``http://`` or ``file://``; the first is preferred.
    channel_aliases : mapping
        What files from elsewhere call a channel (``conda-forge``, or a URL), and the URL of what is taken
        instead here. A mirror is better told by `public_channels`.
    public_channels : mapping
        For each mirror its URL here and the public URL of what it mirrors. Files from elsewhere that name
        that one are read with the mirror, and files for elsewhere name that one.
    foreign_channels : bool
        Whether imported files may name channels and packages besides those; false where there is no way out.
    engine : str
        What makes environments: ``rattler`` (built in), ``conda``, ``mamba`` or ``micromamba``.
    engine_program : str
        The absolute path of that program, for every engine but ``rattler``.
    platform : str
        conda's subdir of the nodes, such as ``linux-64``; empty for that of the node that the job runs on.
    platforms : tuple of str
        Those that `hpchub env lock` solves for.
    definitions : Path or None
        The folder of the site's own ``NAME.yml``, before those that come with hpchub.
    locks : Path or None
        The folder that `hpchub env lock` writes to and users install from; without, every Bootstrap solves.
    shared_cache : Path or None
        A folder of packages that the administrator fills and users read.
    keep_generations : int
        How many states of an environment are kept, the one in use among them, besides those with a label.
    stall_seconds : int
        Seconds without any progress after which a channel counts as stalled.
    least_free_mb : int
        MiB that must be free in the user's folder before anything begins.
    queue : str
        The queue of `queues.toml` that the jobs run in.
    minutes : int
        Time limit of such a job, in minutes.
    without : str
        What people without an environment are told: ``offer`` lets them start the site's own Python or make
        one, ``require`` asks them to make one first.
    variables : mapping
        Environment variables of the jobs, such as a proxy. Everybody can read them.
    sets, plugins, shared, images, runtimes
        See the classes of these names.
    cuda : mapping
        For each queue with GPUs the CUDA version that its drivers support, such as ``12.8``.
    takeaway_image : str
        The image that a Dockerfile of 'Take it with me' begins with; it has micromamba.
    """

    root: UserPath = "/scratch/{user}/.conda"
    workspace: UserPath = "/scratch/{user}/workspace"
    default: Name = "notebook"
    channels: tuple[Address, ...] = ()
    channel_aliases: Mapping[str, Address] = Field(default_factory=dict)
    public_channels: Mapping[Address, Address] = Field(default_factory=dict)
    foreign_channels: bool = False
    engine: Literal["rattler", "conda", "mamba", "micromamba"] = "rattler"
    engine_program: str = ""
    platform: Platform | Literal[""] = ""
    platforms: Annotated[tuple[Platform, ...], Field(min_length=1)] = ("linux-64", "linux-aarch64")
    definitions: AbsolutePath | None = None
    locks: AbsolutePath | None = None
    shared_cache: AbsolutePath | None = None
    keep_generations: Annotated[int, Field(ge=1, le=100)] = 2
    stall_seconds: Annotated[int, Field(ge=5)] = 120
    least_free_mb: Annotated[int, Field(ge=0)] = 1024
    queue: str = "jupyter"
    minutes: Annotated[int, Field(ge=1)] = 60
    without: Literal["offer", "require"] = "offer"
    variables: Variables = Field(default_factory=dict)
    sets: tuple[Set, ...] = ()
    plugins: PluginSet = PluginSet()
    cuda: Mapping[str, Cuda] = Field(default_factory=dict)
    shared: tuple[Shared, ...] = ()
    runtimes: Mapping[str, Runtime] = Field(default_factory=dict)
    images: tuple[Image, ...] = ()
    takeaway_image: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][A-Za-z0-9._/:@-]*$")] = (
        "mambaorg/micromamba:2.6.1-debian12-slim"
    )

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

    @model_validator(mode="after")
    def _engine_has_program(self) -> Site:
        if self.engine == "rattler" and self.engine_program:
            raise ValueError("engine_program: the engine rattler needs no program; leave it out")
        if self.engine != "rattler" and not self.engine_program.startswith("/"):
            raise ValueError(f"engine_program: write the absolute path, such as /opt/conda/bin/{self.engine}")
        return self

    @model_validator(mode="after")
    def _words_are_right(self) -> Site:
        try:
            check_environment(self.default)
        except Problem as problem:
            raise ValueError(f"default: {problem.sentence}") from None
        try:
            check_specs(self.plugins.specs, self)
        except Problem as problem:
            raise ValueError(f"plugins.specs: {problem.sentence}") from None
        for one in self.sets:
            if not (one.channels or self.channels):
                raise ValueError(f'channels: set {one.name} has none; write channels = ["https://..."]')
        return self

    def layout_of(self, user: str) -> Layout:
        return Layout(Path(self.root.replace("{user}", user)))

    def workspace_of(self, user: str) -> Path:
        return Path(self.workspace.replace("{user}", user))

    def set_named(self, name: str) -> Set | None:
        """Return the set of this name; the first one for an empty name."""
        return next((one for one in self.sets if name in ("", one.name)), None)

    def all_channels(self) -> Channels:
        """Return the channels of the site and of all its sets, with what they are called."""
        addresses = [*self.channels, *(url for one in self.sets for url in one.channels)]
        return Channels(
            tuple(dict.fromkeys(addresses)),
            self.channel_aliases,
            self.public_channels,
            self.foreign_channels,
        )

    def channel_of(self, called: str) -> str | None:
        """Return the URL of the channel that is called so; None when there is none here."""
        return self.all_channels().address(called)

    def known_channels(self) -> tuple[str, ...]:
        """Return what people may call this site's channels."""
        return self.all_channels().names()


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
        raise SiteError(f"{path}: {_fault(error.errors()[0])}") from None


def _fault(error: ErrorDetails) -> str:
    where = ".".join(str(part) for part in error["loc"])
    words = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        words = f"there is no such setting; there are: {', '.join(_beside(error['loc']))}"
    elif error["type"] not in ("value_error", "missing") and isinstance(error["input"], str | int | float):
        words = f"{error['input']!r} stands there. {words}"
    return f"{where}: {words}" if where else words


def _beside(loc: tuple[int | str, ...]) -> list[str]:
    """Return the settings of the table that an unknown one stands in."""
    tables: dict[str, type[BaseModel]] = {
        "sets": Set,
        "plugins": PluginSet,
        "shared": Shared,
        "runtimes": Runtime,
        "images": Image,
    }
    if loc[:2] == ("plugins", "profile") and len(loc) > 2:
        return sorted(Profile.model_fields)
    return sorted(tables.get(str(loc[0]), Site).model_fields if len(loc) > 1 else Site.model_fields)


def own_name() -> str:
    """Return the name of the account that this process runs as."""
    return pwd.getpwuid(os.getuid()).pw_name
