"""The files of 'Take it with me': a Dockerfile, a compose file, and what to do with them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Final

import yaml

from environments.shown import shown
from environments.workspace import Inventory
from slurm.records import Sentence

__all__ = ["IGNORED", "compose", "dockerfile", "readme"]

HOME: Final = "/home/mambauser"
MOST_LISTED: Final = 200

IGNORED: Final = """\
# Nothing but what the Dockerfile copies.
*
!*.lock
!requirements.txt
!work
**/.git
**/.env
**/.ssh
**/.ipynb_checkpoints
**/__pycache__
"""


def dockerfile(image: str, lock: str, command: Sequence[str], work: str, *, pip: bool) -> str:
    """Return a Dockerfile; all that is variable in it are names that were made for it, and the site's image.

    Parameters
    ----------
    image : str
        What it begins with; has micromamba, and an account that is not root.
    command : sequence of str
        What a container of it starts.
    pip : bool
        Whether there is a ``requirements.txt``.
    """
    requirements = """
# What pip had installed besides.
COPY --chown=$MAMBA_USER:$MAMBA_USER requirements.txt /tmp/requirements.txt
RUN micromamba run --name base python -m pip install --no-cache-dir --no-deps -r /tmp/requirements.txt
"""
    return f"""\
# The same packages as on the cluster, each by its address and hash. Start: docker compose up --build
FROM {image}

# The image's own account, which it has under this name; root is not needed for anything below.
# hadolint ignore=DL3066
USER $MAMBA_USER

COPY --chown=$MAMBA_USER:$MAMBA_USER {lock} /tmp/conda.lock
RUN micromamba install --name base --yes --file /tmp/conda.lock \\
    && micromamba clean --all --yes
{requirements if pip else ""}
COPY --chown=$MAMBA_USER:$MAMBA_USER {work}/ {HOME}/{work}/
WORKDIR {HOME}/{work}

EXPOSE 8888
# The server makes a new token at each start and prints it; none is kept in the image.
CMD {json.dumps(list(command))}
"""


def compose(slug: str, architecture: str) -> str:
    """Return a compose file (https://github.com/compose-spec/compose-spec).

    The port is open on the machine itself only, and what the notebook writes is kept in a volume.
    """
    service = {
        "build": {"context": "."},
        "image": f"{slug}:taken",
        "platform": architecture,
        "init": True,
        "ports": ["127.0.0.1:8888:8888"],
        "volumes": [f"work:{HOME}/work"],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }
    document = {"name": slug, "services": {"notebook": service}, "volumes": {"work": {}}}
    return yaml.safe_dump(document, sort_keys=False)


def readme(slug: str, folder: str, lock: str, there: Inventory, notes: Sequence[Sentence], work: str) -> str:
    """Return what to do, for people; in English, for it goes to others."""
    command = f"rsync --archive --files-from=files.txt CLUSTER:{shlex.quote(folder)}/ {work}/"
    known = (
        "\n".join(f"- {_plain(str(note))}" for note in notes) or "- Everything that was asked for is here."
    )
    listed = "\n".join(f"    {size:>12}  {name}" for name, size in there.files[:MOST_LISTED])
    more = len(there.files) - MOST_LISTED
    return f"""\
# {slug}

A notebook environment of a cluster, to be run elsewhere. It needs Docker with its compose plugin, or Podman.

1. Put these files into one folder.
2. Copy the notebooks and data into a folder `{work}` there ({len(there.files)} files, {_size(there.size)});
   their names are in `files.txt`. Make `{work}` even if it stays empty:

       mkdir -p {work}
       {shown(command, 1000)}

3. Build and start:

       docker compose up --build

4. Open the address that it prints, which begins with http://127.0.0.1:8888/ and holds a token of this start.

What you change is kept in a volume, and `docker compose cp notebook:{HOME}/{work} changed` copies it out.
`{lock}` names every package of conda with its hash; without Docker, on Linux,
`micromamba create --name {slug} --file {lock}` makes the same environment.

## What is not in here

{known}

## Files

{listed}{f"{chr(10)}    … and {more} more, see files.txt" if more > 0 else ""}
"""


def _plain(text: str, most: int = 3000) -> str:
    """Return it without what could end a line, or be read as HTML or code."""
    return shown(text, most).replace("<", "&lt;").replace("`", "'")


def _size(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MiB" if count >= 1024 * 1024 else f"{-(-count // 1024)} KiB"
