"""What the form of each action says and asks."""

from __future__ import annotations

from typing import Final, NamedTuple

from texts import mark as _

__all__ = ["WORDING", "Wording"]


class Wording(NamedTuple):
    """A form: its heading, what it says, which fields it has, and what its button says."""

    title: str
    about: tuple[str, ...]
    button: str
    fields: tuple[str, ...] = ()
    destructive: bool = False


_STAYS: Final = _("Until it is done, the environment stays as it is. What runs goes on with what it has.")

WORDING: Final[dict[str, Wording]] = {
    "bootstrap": Wording(
        _("Make an environment"),
        (_("It takes a moment; your files are not touched."),),
        _("Make it"),
        ("environment", "set", "cuda"),
    ),
    "import": Wording(
        _("Make an environment from a file"),
        (_("What the file asks for comes from this site's channels."),),
        _("Make it"),
        ("environment", "file", "cuda"),
    ),
    "plugins": Wording(
        _("Add the plugins?"),
        (_("TensorBoard and IPyParallel, as this site has them."), _STAYS),
        _("Add them"),
    ),
    "reset": Wording(
        _("Reset this environment?"),
        (
            _("It becomes as new: packages that you added go. Your files and your workspace stay."),
            _("The state before is kept, so that you can roll back."),
            _STAYS,
        ),
        _("Reset"),
        ("set",),
        destructive=True,
    ),
    "install": Wording(_("Install packages"), (_STAYS,), _("Install"), ("specs",)),
    "remove": Wording(_("Remove packages"), (_STAYS,), _("Remove"), ("specs",), destructive=True),
    "snapshot": Wording(
        _("Keep the present state"),
        (_("A state with a label is kept until you delete the environment; you can go back to it."),),
        _("Keep it"),
        ("label",),
    ),
    "rollback": Wording(
        _("Go back to an earlier state?"),
        (_("The environment becomes as it was then. The present state is kept, too."),),
        _("Roll back"),
        ("source",),
        destructive=True,
    ),
    "clone": Wording(
        _("Clone this environment"),
        (_("The copy has the same packages, and is changed on its own from then on."),),
        _("Clone"),
        ("environment",),
    ),
    "delete": Wording(
        _("Delete this environment?"),
        (
            _("It goes with all its states, and cannot be brought back. Your files and your workspace stay."),
            _("A server that runs from it will fail: stop it first."),
        ),
        _("Delete"),
        destructive=True,
    ),
}
