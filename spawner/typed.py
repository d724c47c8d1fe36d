"""The options as somebody typed or sent them: a closed, typed set, checked before anybody looks at a queue.

A field that is not in the set is refused by name; nothing a user typed goes on to the batch script as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from queues.policy import QueuePolicy
from slurm.records import Sentence
from spawner.source import GRAMMAR
from texts import mark as _

__all__ = ["Options", "OptionsError", "from_form", "parse"]

# No hyphen first: on a command line it would begin an option, wherever a name may end up.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._][A-Za-z0-9._-]{0,63}$")]


class OptionsError(Exception):
    """An option that cannot be had.

    Attributes
    ----------
    field : str
        The option it is about, or what the user called it.
    sentence : Sentence
        What was wrong and what to do, to be translated by who shows it.
    """

    def __init__(self, field: str, sentence: Sentence) -> None:
        super().__init__(f"{field}: {sentence.msgid % dict(sentence.params)}")
        self.field = field
        self.sentence = sentence


def _whole_number(value: object) -> object:
    """Take 4 and "4" for four, and nothing else: forms send text, scripts send numbers."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("not a whole number")


WholeNumber = Annotated[int, BeforeValidator(_whole_number)]


class Options(BaseModel):
    """The options of a server, as saved by the hub and sent by scripts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    queue: Name
    interface: Literal["notebook", "lab"] = "notebook"
    hours: Annotated[WholeNumber, Field(ge=1, le=10_000)] | None = None
    gpus: Annotated[WholeNumber, Field(ge=0, le=1_000)] | None = None
    account: Name | None = None
    gpu_type: Name | None = None
    feature: Name | None = None
    qos: Name | None = None
    reservation: Name | None = None
    environment: Annotated[str, StringConstraints(pattern=GRAMMAR)] | None = None


def from_form(form: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Turn a posted form into options; empty fields mean 'not chosen'.

    Raises
    ------
    OptionsError
        When a field was sent twice.
    """
    options = {}
    for field, values in form.items():
        if field == "_xsrf":
            continue
        if len(values) != 1:
            raise OptionsError(field[:40], Sentence(_("This field was sent more than once."), {}))
        if values[0] != "":
            options[field] = values[0]
    return options


def parse(raw: Mapping[str, Any], policy: QueuePolicy) -> Options:
    """Check the form of the options; a queue that was not named is the first one of the policy.

    Raises
    ------
    OptionsError
        Naming the first field that is wrong or unknown.
    """
    try:
        return Options.model_validate({"queue": policy.queues[0].name, **raw})
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])[:40] if first["loc"] else "options"
        raise OptionsError(field, _explain(field, first["type"])) from None


def _explain(field: str, kind: str) -> Sentence:
    if kind == "extra_forbidden":
        known = ", ".join(Options.model_fields)
        text = _("There is no option “%(field)s”. The options are: %(known)s.")
        return Sentence(text, {"field": field, "known": known})
    if field in ("hours", "gpus"):
        return Sentence(_("“%(field)s” must be a whole number that is not negative."), {"field": field})
    if field == "interface":
        return Sentence(_("The interface must be “notebook” or “lab”."), {})
    if field == "environment":
        text = _("The environment must be “site”, “own:NAME”, “shared:NAME” or “image:NAME”.")
        return Sentence(text, {})
    text = _("“%(field)s” may have letters, digits, dots, hyphens and underscores only, and no hyphen first.")
    return Sentence(text, {"field": field})
