"""What a user may ask for: a closed, typed set of options, checked alike wherever they come from.

Form, REST API and links end in the same two steps: `parse` (is it well formed?) and `resolve` (may this
user have it on this queue?). A field that is not in the set is refused by name; nothing a user typed
goes on to the batch script as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from queues.access import accounts_for, effective_hours, no_partition, why_not
from queues.policy import Queue, QueuePolicy
from slurm.records import Partition, Sentence
from texts import mark as _

__all__ = ["Options", "OptionsError", "Request", "Standing", "from_form", "parse", "resolve"]

NAME = r"^[A-Za-z0-9._-]{1,64}$"


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

    queue: Annotated[str, Field(pattern=NAME)]
    interface: Literal["notebook", "lab"] = "notebook"
    hours: Annotated[WholeNumber, Field(ge=1, le=10_000)] | None = None
    gpus: Annotated[WholeNumber, Field(ge=0, le=1_000)] | None = None
    account: Annotated[str, Field(pattern=NAME)] | None = None
    gpu_type: Annotated[str, Field(pattern=NAME)] | None = None
    feature: Annotated[str, Field(pattern=NAME)] | None = None
    qos: Annotated[str, Field(pattern=NAME)] | None = None
    reservation: Annotated[str, Field(pattern=NAME)] | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Who asks: the user's name, groups, and Slurm accounts.

    Attributes
    ----------
    accounts : frozenset of str or None
        None when Slurm's database did not answer: then nobody is refused for want of an account.
    default_account : str or None
        The account that Slurm itself would take.
    """

    user: str
    groups: frozenset[str]
    accounts: frozenset[str] | None
    default_account: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of Slurm, with nothing left open: the options met with the queue's terms."""

    queue: Queue
    interface: Literal["notebook", "lab"]
    hours: int
    gpus: int | None
    account: str | None
    gpu_type: str | None = None
    feature: str | None = None
    qos: str | None = None
    reservation: str | None = None

    @property
    def gres(self) -> str | None:
        if self.queue.gres is not None:
            return self.queue.gres
        return f"gpu:{self.gpus}" if self.gpus else None

    @property
    def exclusive(self) -> bool:
        return self.queue.kind == "exclusive"

    @property
    def memory_mb(self) -> int | None:
        """MiB; 0 is Slurm's word for all of a node's, which a job that pays for the node should have."""
        if self.queue.memory_mb is not None:
            return self.queue.memory_mb
        return 0 if self.exclusive else None


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
    text = _("“%(field)s” may have letters, digits, dots, hyphens and underscores only.")
    return Sentence(text, {"field": field})


def resolve(
    options: Options, policy: QueuePolicy, partitions: Mapping[str, Partition], standing: Standing
) -> Request:
    """Meet the options with the queue's terms and the user's rights.

    Parameters
    ----------
    partitions : mapping
        Slurm's partitions by name; empty while Slurm has not answered, and then only the policy counts.

    Raises
    ------
    OptionsError
        When the queue does not exist, is not open to this user, or does not give what was asked.
    """
    queue = policy.queue(options.queue)
    if queue is None:
        text = _("There is no queue “%(queue)s”. The queues are: %(known)s.")
        known = ", ".join(one.name for one in policy.queues if not one.hidden)
        raise OptionsError("queue", Sentence(text, {"queue": options.queue, "known": known}))
    partition = partitions.get(queue.partition)
    if partition is None and partitions:
        raise OptionsError("queue", no_partition(queue))
    reason = why_not(queue, partition, user=standing.user, groups=standing.groups, accounts=standing.accounts)
    if reason is not None:
        raise OptionsError("queue", reason)
    return Request(
        queue=queue,
        interface=options.interface,
        hours=_hours(options, queue, partition),
        gpus=_gpus(options, queue),
        account=_account(options, queue, partition, standing),
    )


def _hours(options: Options, queue: Queue, partition: Partition | None) -> int:
    most = effective_hours(queue, partition)
    if options.hours is None:
        return min(queue.default_hours, most)
    if options.hours > most:
        text = _("The queue “%(queue)s” gives at most %(most)s hours; %(hours)s were asked for.")
        raise OptionsError(
            "hours", Sentence(text, {"queue": queue.name, "most": most, "hours": options.hours})
        )
    return options.hours


def _gpus(options: Options, queue: Queue) -> int | None:
    if not queue.gpu_choices:
        if options.gpus not in (None, queue.gpus_per_node):
            text = _("The queue “%(queue)s” gives no choice of GPUs: leave the number out.")
            raise OptionsError("gpus", Sentence(text, {"queue": queue.name}))
        return queue.gpus_per_node or None
    gpus = queue.gpu_choices[0] if options.gpus is None else options.gpus
    if gpus not in queue.gpu_choices:
        text = _("The queue “%(queue)s” gives %(choices)s GPUs; %(gpus)s were asked for.")
        choices = ", ".join(str(one) for one in queue.gpu_choices)
        raise OptionsError("gpus", Sentence(text, {"queue": queue.name, "choices": choices, "gpus": gpus}))
    return gpus


def _account(options: Options, queue: Queue, partition: Partition | None, standing: Standing) -> str | None:
    if standing.accounts is None:
        return options.account
    usable = accounts_for(queue, partition, standing.accounts)
    if options.account is None:
        if standing.default_account in usable:
            return standing.default_account
        # None leaves it to Slurm, which says in its own words why a user without an account is refused.
        return usable[0] if usable else None
    if options.account not in usable:
        text = _("The project “%(account)s” is not one of yours for the queue “%(queue)s”: %(usable)s.")
        params: dict[str, object] = {
            "account": options.account,
            "queue": queue.name,
            "usable": ", ".join(usable) or "–",
        }
        raise OptionsError("account", Sentence(text, params))
    return options.account
