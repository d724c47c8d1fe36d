"""What the demo's channel holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

__all__ = ["ALIASES", "CONDA_NAMES", "SELECTIONS", "digest"]

# Each selection is resolved by pip on its own, so that the channel can hold two versions of a package.
SELECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "base": (
        "jupyterhub>=6.1,<7",
        "jupyterlab>=4.4,<5",
        "notebook>=7.4,<8",
        "nbclassic>=1,<2",
        "ipykernel>=6",
        "numpy>=2,<3",
        "pip",
        "setuptools",
        "wheel",
        # The plugins.
        "tensorboard>=2.17,<3",
        "ipyparallel>=9,<10",
    ),
    # Small things with a history, for upgrades, pins and conflicts: this typer takes no newer click.
    "older": ("tabulate==0.8.10", "typer==0.3.2", "click==7.1.2"),
    "newer": ("tabulate==0.9.0", "click>=8,<9"),
}

# Packages without files that stand for others, as conda-forge has them; the first one gives the version.
ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "jupyterhub": ("jupyterhub-base",),
    "jupyterhub-singleuser": ("jupyterhub-base", "jupyterlab"),
}

# Where conda-forge's name is not PyPI's normalized one.
CONDA_NAMES: Final[Mapping[str, str]] = {
    "ipython-genutils": "ipython_genutils",
    "ipython-pygments-lexers": "ipython_pygments_lexers",
    "jupyter-client": "jupyter_client",
    "jupyter-core": "jupyter_core",
    "jupyter-events": "jupyter_events",
    "jupyter-server": "jupyter_server",
    "jupyter-server-terminals": "jupyter_server_terminals",
    "jupyterhub": "jupyterhub-base",
    "jupyterlab-pygments": "jupyterlab_pygments",
    "jupyterlab-server": "jupyterlab_server",
    "msgpack": "msgpack-python",
    "prometheus-client": "prometheus_client",
    "pure-eval": "pure_eval",
    "stack-data": "stack_data",
    "typing-extensions": "typing_extensions",
}


def digest(requirements: tuple[str, ...]) -> str:
    """Return a text that changes when the requirements do."""
    return hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:16]
