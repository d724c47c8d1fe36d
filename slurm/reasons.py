"""Why a job waits, in words that help the person who waits for it.

The words are those of Slurm 20.11 to 26.05: https://slurm.schedmd.com/job_reason_codes.html and job_mgr.c.
Others are shown as Slurm says them: a raw reason helps more than a wrong one.
"""

from __future__ import annotations

import re

from slurm.records import Sentence
from slurm.records import mark as _

__all__ = ["MESSAGES", "explain"]

_BUSY = _("waiting for nodes: all %(nodes)s are busy")
_NO_ROOM = _("waiting for nodes: what is free is not enough for this job")
_SOME_BUSY = _("waiting for nodes: all that fit are busy")
_UNAVAILABLE = _("the nodes it needs are down, drained or reserved: %(hosts)s")
_UNAVAILABLE_SOMEWHERE = _("the nodes it needs are down, drained or reserved")
_MAINTENANCE = _("the nodes it needs are reserved for maintenance before it could end")
_ACCOUNT = _("its project account may not use this queue: cancel it and choose another")
_QOS = _("its quality of service is not allowed in this queue")
_PROJECT = _("your project uses as much as it may at a time (%(reason)s)")
_YOURS = _("you use as much as you may at a time (%(reason)s)")
_RAW = _("Slurm says: %(reason)s")

_EXACT = {
    "None": _("Slurm has not looked at it yet"),
    "Priority": _("others are before it in the queue"),
    "Dependency": _("waiting for another job to end"),
    "DependencyNeverSatisfied": _("the job it waits for will never end as it demands: cancel it"),
    "BeginTime": _("waiting for its start time, or for Slurm to try again"),
    "Reservation": _("waiting for its reservation to begin"),
    "ReservationDeleted": _("its reservation was deleted: cancel it"),
    "Licenses": _("waiting for a software licence"),
    "NodeDown": _("a node it needs is down"),
    "BadConstraints": _("no node fits what it asks for: cancel it and ask for less"),
    "PartitionDown": _("this queue is closed for the moment: jobs wait until it opens"),
    "PartitionInactive": _("this queue is switched off"),
    "PartitionTimeLimit": _("it asks for more time than this queue allows: cancel it and ask for less"),
    "PartitionNodeLimit": _("it asks for more nodes than this queue allows: cancel it and ask for less"),
    "PartitionConfig": _("this queue does not allow what it asks for: cancel it and ask for less"),
    "JobHeldUser": _("held by its owner, until released"),
    "JobHeldAdmin": _("held by an administrator, until released"),
    "InvalidAccount": _("its project account is not valid: cancel it and choose another"),
    "AccountNotAllowed": _ACCOUNT,
    "InvalidQOS": _("its quality of service is not valid"),
    "QOSNotAllowed": _QOS,
    "QOSMaxJobsPerUserLimit": _("you run as many jobs as you may: it starts when one of them ends"),
    "AssocMaxJobsLimit": _("you run as many jobs as you may: it starts when one of them ends"),
    "MaxJobsPerAccount": _("your project runs as many jobs as it may: it starts when one of them ends"),
    "AssocGrpJobsLimit": _("your project runs as many jobs as it may: it starts when one of them ends"),
    "Cleaning": _("Slurm is tidying up after its last run"),
    "Prolog": _("a node is being prepared"),
    "JobArrayTaskLimit": _("as many of its array run as may at a time"),
    "SchedDefer": _("Slurm has not looked at it yet"),
    "SystemFailure": _("Slurm or the system has failed: tell the administrators"),
    "OutOfMemory": _("it ran out of memory"),
}

# In this order: the first that matches wins. All of one group read alike and end in what exactly is limited.
_PATTERNS = (
    (r"Nodes required for job are DOWN", _UNAVAILABLE_SOMEWHERE),
    (r"ReqNodeNotAvail, ?Reserved for maintenance", _MAINTENANCE),
    (r"ReqNodeNotAvail", _UNAVAILABLE_SOMEWHERE),
    (r"Job's account not permitted to use this partition", _ACCOUNT),
    (r"Job's QOS not permitted to use this partition", _QOS),
    (
        r"(launch fail|user env retrieval failed).* requeued held|JobLaunchFailure",
        _("its start failed and Slurm holds it: cancel it and try again"),
    ),
    (
        r"job requeued (in )?(held|special exit)|JobHoldMaxRequeue",
        _("it was put back into the queue and is held: cancel it and try again"),
    ),
    (r"(QOS|Association)TimeLimit", _("it asks for more time than it may: cancel it and ask for less")),
    (r"MaxMemPerLimit", _("it asks for more memory than it may: cancel it and ask for less")),
    (r"Association\w*Limit|AccountingPolicy", _("a limit of your project holds it back (%(reason)s)")),
    # What running jobs may still use up is given back when they end; hours that are used are not.
    (r"(Assoc|QOS)Grp(?!\w*RunM)\w*Min(ute)?s\w*", _("your project has used up its hours (%(reason)s)")),
    (r"AssocGrp\w*", _PROJECT),
    (
        r"QOSGrp\w*",
        _("all who share this quality of service use as much as they may at a time (%(reason)s)"),
    ),
    (r"(Assoc|QOS)Max\w*Per(Job|Node)\w*", _("it asks for more than one job may have (%(reason)s)")),
    (r"QOSMin\w*", _("it asks for less than a job must (%(reason)s)")),
    (r"(QOS)?Max\w*PerAccount", _PROJECT),
    (r"((Assoc|QOS)(Max)?|Max)\w*(PerUser|Limit|Threshold)\w*", _YOURS),
    (r"(Assoc|QOS)\w*", _YOURS),
    (r"BurstBuffer\w*", _("waiting for its fast storage (%(reason)s)")),
)
_COMPILED = tuple((re.compile(pattern), msgid) for pattern, msgid in _PATTERNS)
_HOSTS = re.compile(r"^ReqNodeNotAvail.*UnavailableNodes:(\S+)")

MESSAGES = frozenset(
    {
        _BUSY,
        _NO_ROOM,
        _SOME_BUSY,
        _UNAVAILABLE,
        _RAW,
        *_EXACT.values(),
        *(msgid for pattern, msgid in _PATTERNS),
    }
)
"""All msgids of this file, for those who keep the catalogues."""


def explain(reason: str, *, nodes: int = 0, idle: int | None = None) -> Sentence:
    """Say in words why a job waits.

    Parameters
    ----------
    reason : str
        As squeue's ``%r`` prints it; newer versions have underscores where older ones have blanks.
    nodes : int
        How many nodes the queue has; 0 when that is not known.
    idle : int or None
        How many of them are free, when that is known: 'all are busy' is not said where it is wrong.
    """
    reason = reason.strip()
    spaced = reason.replace("_", " ")
    if reason == "Resources":
        return _explain_resources(nodes, idle)
    if hosts := _HOSTS.search(reason):
        return Sentence(_UNAVAILABLE, {"hosts": hosts[1]})
    if msgid := _EXACT.get(reason or "None"):
        return Sentence(msgid, {})
    for pattern, msgid in _COMPILED:
        if pattern.match(spaced):
            return Sentence(msgid, {"reason": reason} if "%(reason)s" in msgid else {})
    return Sentence(_RAW, {"reason": reason})


def _explain_resources(nodes: int, idle: int | None) -> Sentence:
    if idle:
        return Sentence(_NO_ROOM, {})
    return Sentence(_BUSY, {"nodes": nodes}) if nodes > 0 else Sentence(_SOME_BUSY, {})
