"""The demo's own conda channel, made from PyPI's wheels and Debian's interpreter.

The machine that the demo runs on may reach no conda channel. With this one, everything about environments
runs for real: solve, fetch, install, a notebook server from it on a node. Its packages bear the names that
conda-forge gives them, so definitions and exported files mean the same in both.
"""
