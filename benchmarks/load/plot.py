"""The picture: what each hub costs, against the number of servers that run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["COLOURS", "DARK", "INK", "LIGHT", "contrast", "draw"]

# Pages are light or dark, and a picture does not know: each colour must stand out from both.
LIGHT, DARK = "#ffffff", "#0d1117"
INK = "#757c85"
COLOURS = {"hpchub": "#2f7fdf", "batchspawner": "#c8641b", "jupyterhub_moss": "#a856c7"}
MARKERS = {"hpchub": "o", "batchspawner": "s", "jupyterhub_moss": "^"}

Phase = Mapping[str, Any]
_PANELS: tuple[tuple[str, Callable[[Phase], float]], ...] = (
    ("Slurm queries a minute", lambda phase: float(phase["queries_per_minute"])),
    (
        "CPU seconds a minute, with commands",
        lambda phase: (phase["cpu_seconds"] + phase["cpu_seconds_children"]) * 60 / phase["seconds"],
    ),
    ("event-loop lag p99, ms", lambda phase: float(phase["lag_ms"]["p99"])),
)
_ROWS = (("steady", "running"), ("waiting", "running, and people who wait"))


def draw(record: Mapping[str, Any], path: Path) -> None:
    """Write the picture as SVG, with texts as texts; the same figures give the same file."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_style()):
        figure = Figure(figsize=(10, 6), layout="constrained")
        axes = figure.subplots(len(_ROWS), len(_PANELS), sharex=True, squeeze=False)
        for row, (phase, what) in enumerate(_ROWS):
            for column, (title, value) in enumerate(_PANELS):
                ax = axes[row][column]
                _lines(ax, record, phase, value)
                ax.set_title(title if row == 0 else "", fontsize=10, loc="left")
                ax.set(xscale="log", yscale="log", xlabel=f"servers {what}")
                ax.grid(visible=True, which="major")
                for axis in (ax.xaxis, ax.yaxis):
                    axis.set_major_formatter(lambda number, _place: f"{number:,g}")
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(COLOURS), frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})


def _style() -> Any:
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color")
    return {
        **dict.fromkeys(inked, INK),
        "grid.alpha": 0.25,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.size": 9,
        "font.family": "sans-serif",
        "svg.fonttype": "none",
        "svg.hashsalt": "hpchub",
    }


def _lines(ax: Any, record: Mapping[str, Any], phase: str, value: Callable[[Phase], float]) -> None:
    for hub, colour in COLOURS.items():
        points = sorted(
            (run["servers"], value(found))
            for run in record["runs"]
            if run["hub"] == hub and not run["crowd"]
            if (found := run["phases"].get(phase)) is not None and "failed" not in found
        )
        if points:
            ax.plot(*zip(*points, strict=True), color=colour, marker=MARKERS[hub], label=hub)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2.2 reckons it, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
