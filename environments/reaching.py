"""Whether a channel answers for a platform, asked without any engine."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import httpx

__all__ = ["silent"]

TIMEOUT: Final = 10.0  # seconds, for one file
_REPODATA: Final = ("repodata.json.zst", "repodata_shards.msgpack.zst", "repodata.json")


def silent(address: str, platform: str) -> str:
    """Return why no packages can be seen there for a platform; empty when there are.

    Parameters
    ----------
    address : str
        A channel's URL.
    platform : str
        conda's subdir.
    """
    folder = f"{address}/{platform}"
    if folder.startswith("file://"):
        there = any(Path(folder.removeprefix("file://"), name).is_file() for name in _REPODATA)
        return "" if there else "there is no repodata.json"
    why = ""
    try:
        with httpx.Client(timeout=TIMEOUT, follow_redirects=True) as client:
            for name in _REPODATA:
                code = client.head(f"{folder}/{name}").status_code
                if code == httpx.codes.OK:
                    return ""
                why = f"it answers {code} for {name}"
    except httpx.HTTPError as error:
        why = f"it does not answer ({type(error).__name__})"
    return why
