"""The tables of ``environments.toml``, one class for each; `environments.site` puts them together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from environments.channels import fault_of

__all__ = [
    "AbsolutePath",
    "Address",
    "Cuda",
    "Image",
    "Model",
    "Name",
    "Runtime",
    "Set",
    "Shared",
    "UserPath",
    "Variables",
]

_BRACES: Final = re.compile(r"\{[^{}]*\}|[{}]")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _absolute(path: str) -> str:
    if not path.startswith("/") or ".." in PurePosixPath(path).parts or not path.isprintable():
        raise ValueError(f"{path!r} is not an absolute path; write it from / on, without ..")
    return path


def _absolute_path(path: Path) -> Path:
    return Path(_absolute(str(path)))


def _of_user(path: str) -> str:
    if set(_BRACES.findall(path)) != {"{user}"}:
        raise ValueError(
            f"{path!r} must hold {{user}}, once or more, and no other braces: users share no folder"
        )
    return _absolute(path)


def _address(url: str) -> str:
    if fault := fault_of(url):
        raise ValueError(
            f"{url!r} is no channel's address: {fault}; write it like https://mirror.example/conda-forge"
        )
    return url.rstrip("/")


def _variables(variables: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{name!r} is not a variable's name; write letters, digits and underscores")
        if not value.isprintable():
            raise ValueError(f"{name}: its value holds a line's end or another character that cannot be seen")
    return variables


def check_words(words: Iterable[str], inside: Iterable[str], alone: Iterable[str] = ()) -> None:
    """Refuse placeholders that are not known, or that stand where they cannot.

    Raises
    ------
    ValueError
        Naming the word and what may stand there.
    """
    inside, alone = set(inside), set(alone)
    for word in words:
        for found in _BRACES.findall(word):
            if found in alone and word != found:
                raise ValueError(f"{found} must be a word of its own, and {word!r} has more in it")
            if found not in inside | alone:
                known = ", ".join(sorted(inside | alone))
                raise ValueError(f"{found} in {word!r} stands for nothing; what may stand there: {known}")


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}$")]
AbsolutePath = Annotated[Path, AfterValidator(_absolute_path)]
UserPath = Annotated[str, AfterValidator(_of_user)]
Address = Annotated[str, AfterValidator(_address)]
Cuda = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}\.[0-9]{1,2}$")]
Variables = Annotated[Mapping[str, str], AfterValidator(_variables)]


class Model(BaseModel):
    """Settings that do not change, and in which a misspelt one is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Titled(Model):
    """What people choose from; `title` and `about` in English, those with ``_ko`` in Korean."""

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
    """A set of packages that Bootstrap can make; solved once by the administrator into lock files.

    Attributes
    ----------
    definition : str
        What `hpchub env lock` solves: the name of one of hpchub's own (``base``, ``tensorflow`` …) or of a
        file in `Site.definitions`, or the absolute path of an ``environment.yml``; empty for the set's name.
    channels : tuple of str
        URLs, instead of the site's.
    """

    definition: str = ""
    channels: tuple[Address, ...] = ()


class Shared(_Titled):
    """An environment of the site's own that users start from and cannot change.

    Attributes
    ----------
    prefix : Path
        Absolute; readable on every node.
    """

    prefix: AbsolutePath


def _command(words: tuple[str, ...]) -> tuple[str, ...]:
    check_words(words, ("{image}", "{workdir}"), ("{binds}", "{gpus}", "{environment}", "{command}"))
    for needed in ("{image}", "{command}"):
        if not any(needed in word for word in words):
            raise ValueError(f"the command has no {needed}, so nothing would be started")
    if words[0].startswith("{"):
        raise ValueError("its first word is the runtime's program")
    return words


def _bind(words: tuple[str, ...]) -> tuple[str, ...]:
    check_words(words, ("{path}",))
    if words and not any("{path}" in word for word in words):
        raise ValueError("it needs {path}")
    return words


def _gpu(words: tuple[str, ...]) -> tuple[str, ...]:
    check_words(words, ())
    return words


def _variable(words: tuple[str, ...]) -> tuple[str, ...]:
    check_words(words, ("{name}", "{value}"))
    text = " ".join(words)
    if words and not ("{name}" in text and "{value}" in text):
        raise ValueError("it needs {name} and {value}")
    return words


class Runtime(Model):
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

    command: Annotated[tuple[str, ...], AfterValidator(_command)]
    bind: Annotated[tuple[str, ...], AfterValidator(_bind)] = ()
    binds: tuple[Annotated[str, AfterValidator(_absolute)], ...] = ()
    gpu: Annotated[tuple[str, ...], AfterValidator(_gpu)] = ()
    variable: Annotated[tuple[str, ...], AfterValidator(_variable)] = ()

    @model_validator(mode="after")
    def _complete(self) -> Runtime:
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
    path: Annotated[str, StringConstraints(min_length=1)]
    python: Annotated[str, AfterValidator(_absolute)] = "/opt/conda/bin/python"
    binds: tuple[Annotated[str, AfterValidator(_absolute)], ...] = ()
    environment: Variables = Field(default_factory=dict)
    queues: tuple[str, ...] = ()
