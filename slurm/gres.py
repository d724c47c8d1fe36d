"""Generic resources (GPUs, shards) as Slurm prints them, in its two notations."""

from __future__ import annotations

import re
from collections.abc import Mapping

from slurm.hostlist import split_outside

__all__ = ["allocated", "parse_gres", "parse_tres"]

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4, "P": 1024**5}
_COUNT = re.compile(r"(\d+)(?:\.\d+)?([KMGTP]?)", re.IGNORECASE)
_NOTES = re.compile(r"\([^()]*\)$")


def parse_gres(text: str) -> dict[str, dict[str, int]]:
    """Read ``gpu:v100:2(S:0-1),shard:10`` as counts by name and type; the type is ``""`` where none is given.

    Raises
    ------
    ValueError
        It is no list of generic resources.
    """
    found: dict[str, dict[str, int]] = {}
    if text.strip() in {"", "(null)", "N/A"}:
        return found
    for part in split_outside(text.strip(), "(", ")"):
        name, *rest = _NOTES.sub("", part).split(":")
        rest = [word for word in rest if word != "no_consume"]
        # Slurm takes "gpu" for one GPU; a type always comes before a count.
        count = parse_count(rest.pop()) if rest else 1
        kinds = found.setdefault(name, {})
        kind = ":".join(rest)
        kinds[kind] = kinds.get(kind, 0) + count
    return found


def parse_tres(text: str) -> dict[str, dict[str, int]]:
    """Read the GRES of ``cpu=2,mem=4G,gres/gpu=2,gres/gpu:v100=2`` as counts by name and type.

    The count under ``""`` is Slurm's total: it **contains** the typed ones, never add them.
    """
    found: dict[str, dict[str, int]] = {}
    for part in text.strip().split(","):
        key, _, value = part.partition("=")
        if key.startswith("gres/"):
            name, _, kind = key.removeprefix("gres/").partition(":")
            found.setdefault(name, {})[kind] = parse_count(value)
    return found


def parse_count(text: str) -> int:
    """Read ``4`` or ``2K``."""
    match = _COUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a count: {text[:40]!r}")
    return int(match[1]) * _UNITS[match[2].upper()]


def allocated(
    name: str,
    have: Mapping[str, int],
    configured: Mapping[str, Mapping[str, int]],
    in_use: Mapping[str, Mapping[str, int]],
    gres_used: Mapping[str, Mapping[str, int]],
) -> dict[str, int]:
    """Say how many of a node's resources are allocated, by the types of `have`.

    Slurm says it twice. The node's AllocTRES is right wherever AccountingStorageTRES names the resource,
    which CfgTRES shows. GresUsed is the only source elsewhere; it counts shards too low (22.05), so it comes
    second.

    Parameters
    ----------
    have
        What the node has, from its Gres.
    configured, in_use
        Its CfgTRES and AllocTRES.
    gres_used
        Its GresUsed.
    """
    if not have:
        return {}
    used = gres_used.get(name, {})
    if name in configured:
        tracked, now = configured[name], in_use.get(name, {})
        if all(kind in tracked for kind in have):
            used = {kind: now.get(kind, 0) for kind in have}
        elif len(have) == 1:
            used = {kind: now.get("", 0) for kind in have}
    return {kind: used.get(kind, 0) for kind in have}
