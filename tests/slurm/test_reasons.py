import pytest

from slurm.reasons import MESSAGES, explain

EVERYDAY = [
    ("Resources", "waiting for nodes: all 5 are busy"),
    ("Priority", "others are before it in the queue"),
    ("None", "Slurm has not looked at it yet"),
    ("", "Slurm has not looked at it yet"),
    ("Dependency", "waiting for another job to end"),
    ("BeginTime", "waiting for its start time, or for Slurm to try again"),
    ("JobHeldUser", "held by its owner, until released"),
    ("JobHeldAdmin", "held by an administrator, until released"),
    ("PartitionDown", "this queue is closed for the moment: jobs wait until it opens"),
    ("PartitionTimeLimit", "it asks for more time than this queue allows: cancel it and ask for less"),
    ("PartitionNodeLimit", "it asks for more nodes than this queue allows: cancel it and ask for less"),
    ("BadConstraints", "no node fits what it asks for: cancel it and ask for less"),
    ("Licenses", "waiting for a software licence"),
    ("Reservation", "waiting for its reservation to begin"),
    ("NodeDown", "a node it needs is down"),
    ("InvalidAccount", "its project account is not valid: cancel it and choose another"),
    ("QOSMaxJobsPerUserLimit", "you run as many jobs as you may: it starts when one of them ends"),
    ("QOSMaxGRESPerUser", "you use as much as you may at a time (QOSMaxGRESPerUser)"),
    ("QOSMaxCpuPerJobLimit", "it asks for more than one job may have (QOSMaxCpuPerJobLimit)"),
    ("AssocMaxNodePerJobLimit", "it asks for more than one job may have (AssocMaxNodePerJobLimit)"),
    ("AssocGrpGRES", "your project uses as much as it may at a time (AssocGrpGRES)"),
    ("AssocGrpCPUMinutesLimit", "your project has used up its hours (AssocGrpCPUMinutesLimit)"),
    ("MaxGRESPerAccount", "your project uses as much as it may at a time (MaxGRESPerAccount)"),
    ("launch failed requeued held", "its start failed and Slurm holds it: cancel it and try again"),
    ("launch_failed_requeued_held", "its start failed and Slurm holds it: cancel it and try again"),
    (
        "launch failure limit exceeded requeued held",  # Slurm 26.05
        "its start failed and Slurm holds it: cancel it and try again",
    ),
    (
        "user env retrieval failed requeued held",  # Slurm 26.05
        "its start failed and Slurm holds it: cancel it and try again",
    ),
    ("job requeued in held state", "it was put back into the queue and is held: cancel it and try again"),
    (
        "job_requeued_in_special_exit_state",
        "it was put back into the queue and is held: cancel it and try again",
    ),
    ("JobHoldMaxRequeue", "it was put back into the queue and is held: cancel it and try again"),
    ("AssocMaxJobsLimit", "you run as many jobs as you may: it starts when one of them ends"),
    ("AssocGrpJobsLimit", "your project runs as many jobs as it may: it starts when one of them ends"),
    (
        "QOSGrpGRES",
        "all who share this quality of service use as much as they may at a time (QOSGrpGRES)",
    ),
    ("QOSGrpGRESMinutes", "your project has used up its hours (QOSGrpGRESMinutes)"),
    (
        "AssocGrpCPURunMinutesLimit",
        "your project uses as much as it may at a time (AssocGrpCPURunMinutesLimit)",
    ),
    ("MaxGRESRunMinsPerUser", "you use as much as you may at a time (MaxGRESRunMinsPerUser)"),
    ("AssociationJobLimit", "a limit of your project holds it back (AssociationJobLimit)"),
    ("QOSTimeLimit", "it asks for more time than it may: cancel it and ask for less"),
    ("MaxMemPerLimit", "it asks for more memory than it may: cancel it and ask for less"),
    ("JobArrayTaskLimit", "as many of its array run as may at a time"),
    ("MaxPoweredUpNodes", "Slurm says: MaxPoweredUpNodes"),
    ("ReqNodeNotAvail, UnavailableNodes:g[1-2]", "the nodes it needs are down, drained or reserved: g[1-2]"),
    ("ReqNodeNotAvail, May be reserved for other job", "the nodes it needs are down, drained or reserved"),
    (
        "ReqNodeNotAvail, Reserved for maintenance",
        "the nodes it needs are reserved for maintenance before it could end",
    ),
    (
        "Nodes_required_for_job_are_DOWN,_DRAINED_or_reserved_for_jobs_in_higher_priority_partitions",
        "the nodes it needs are down, drained or reserved",
    ),
    (
        "Job's account not permitted to use this partition (bigmem allows proj02 not proj01)",
        "its project account may not use this queue: cancel it and choose another",
    ),
    ("BurstBufferStageIn", "waiting for its fast storage (BurstBufferStageIn)"),
    ("SomethingOfSlurm30", "Slurm says: SomethingOfSlurm30"),
    ("100%(reason)s", "Slurm says: 100%(reason)s"),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "words"), EVERYDAY)
def test_a_waiting_user_reads_why_in_words(reason: str, words: str) -> None:
    assert str(explain(reason, nodes=5)) == words


def test_all_busy_is_not_said_while_a_node_is_free() -> None:
    assert "all" not in str(explain("Resources", nodes=5, idle=2)).split()
    assert str(explain("Resources", nodes=5, idle=0)) == "waiting for nodes: all 5 are busy"
    assert str(explain("Resources")) == "waiting for nodes: all that fit are busy"


def test_every_sentence_can_be_found_by_the_translators() -> None:
    assert {explain(reason, nodes=5).msgid for reason, _ in EVERYDAY} <= MESSAGES
