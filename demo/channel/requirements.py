"""What a wheel requires, in conda's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from demo.channel.target import Target
from demo.channel.wanted import CONDA_NAMES

__all__ = ["Requires", "conda_name", "conda_spec", "depends"]

Requires = Mapping[str, tuple[Requirement, ...]]
"""What each distribution requires, by its normalized name."""


def conda_name(name: str) -> str:
    """Return the name that conda-forge has for a distribution of PyPI."""
    normalized = canonicalize_name(name)
    return CONDA_NAMES.get(normalized, normalized)


def conda_version(specifiers: SpecifierSet) -> str:
    """Write version specifiers (PEP 440) as conda reads them; empty for any version.

    ``===`` has no counterpart, and ``==1.*`` is ``1.*`` there.
    """
    words = []
    for one in sorted(specifiers, key=str):
        operator = "==" if one.operator == "===" else one.operator
        words.append(
            one.version if operator == "==" and one.version.endswith(".*") else operator + one.version
        )
    return ",".join(words)


def conda_spec(requirement: Requirement) -> str:
    """Return the match spec for a requirement; its marker and extras are for `depends`."""
    return f"{conda_name(requirement.name)} {conda_version(requirement.specifier)}".strip()


@dataclass(frozen=True, slots=True)
class _Wish:
    name: str
    extras: frozenset[str]


def depends(name: str, requires: Requires, target: Target) -> tuple[str, ...]:
    """Return the match specs of what a distribution needs on the target.

    conda has no extras: ``B[x]`` becomes B and whatever B requires for x, and so on.
    """
    wishes = [_Wish(canonicalize_name(name), frozenset())]
    seen = set(wishes)
    specs: dict[str, None] = {}
    while wishes:
        wish = wishes.pop()
        for requirement in _applying(requires.get(wish.name, ()), wish, target):
            specs[conda_spec(requirement)] = None
            inner = _Wish(canonicalize_name(requirement.name), frozenset(requirement.extras))
            if inner.extras and inner not in seen:
                seen.add(inner)
                wishes.append(inner)
    own = conda_name(name)
    return tuple(sorted(spec for spec in specs if spec.partition(" ")[0] != own))


def _applying(requirements: Iterable[Requirement], wish: _Wish, target: Target) -> Iterator[Requirement]:
    """Yield what is required on the target: by itself, or only for one of the extras that are wished for."""
    for requirement in requirements:
        plain = _holds(requirement, "", target)
        extra = any(_holds(requirement, one, target) for one in wish.extras) and not plain
        if extra if wish.extras else plain:
            yield requirement


def _holds(requirement: Requirement, extra: str, target: Target) -> bool:
    marker = requirement.marker
    return marker is None or marker.evaluate({**target.marker_environment, "extra": extra})
