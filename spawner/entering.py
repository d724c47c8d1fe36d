"""The words and variables by which a server is started from what was chosen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from environments.images import command_of, inside
from environments.site import Site
from spawner.options import Request
from spawner.source import Source, source_of

if TYPE_CHECKING:
    from spawner.starting import StartsJobs

__all__ = ["server_command", "variables"]

BASH: Final = "/bin/bash"
ENTER: Final = "enter.sh"
INTERPRETER: Final = "@python@"  # enter.sh puts the environment's there, as it is when the job starts


def server_command(spawner: StartsJobs, request: Request) -> list[str]:
    """Return the words that the batch script ends with."""
    arguments = [spawner.launcher, *map(str, spawner.get_args())]
    python = spawner.format_string(spawner.notebook_python)
    site, source = spawner.shared().site, source_of(request.environment)
    if site is None or source is None:
        return [python, *arguments]
    if source.kind == "image":
        return _in_image(spawner, request, site, source.name, arguments)
    address = address_of(site, source, spawner.user.name)
    if address is None:
        return inside(python, arguments)
    enter = str(Path(spawner.launcher).with_name(ENTER))
    return [BASH, enter, "--server", source.name, str(address), *inside(INTERPRETER, arguments)]


def address_of(site: Site, source: Source, user: str) -> Path | None:
    """Return an environment's path for everybody; None for what is no environment of a folder."""
    if source.kind == "own":
        return site.layout_of(user).address(source.name)
    return next((one.prefix for one in site.shared if source == Source("shared", one.name)), None)


def _in_image(
    spawner: StartsJobs, request: Request, site: Site, name: str, arguments: list[str]
) -> list[str]:
    image = next(one for one in site.images if one.name == name)
    workspace = Path(spawner.format_string(spawner.workspace))
    # singleuser/launch.py looks for its package in the folder above.
    ours = Path(spawner.launcher).parent.parent
    return command_of(
        site,
        image,
        python=image.python,
        arguments=arguments,
        environment={},
        folders=[*([spawner.user_home] if spawner.user_home else []), workspace, ours],
        gpus=bool(request.gres),
        workdir=workspace,
    )


def variables(spawner: StartsJobs) -> dict[str, str]:
    """Return what the server knows of environments: from which it was started, and where kernels are."""
    site = spawner.shared().site
    if site is None:
        return {}
    folders = {
        "own": str(site.layout_of(spawner.user.name).envs),
        "shared": {one.name: str(one.prefix) for one in site.shared},
    }
    return {
        "HPCHUB_ENVIRONMENT": spawner.ticket.environment,
        "HPCHUB_ENVIRONMENTS": spawner.environments_file,
        "HPCHUB_ENV_FOLDERS": json.dumps(folders),
    }
