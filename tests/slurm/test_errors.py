import pytest

from slurm.errors import SlurmRefused, SlurmUnavailable, classify, clean

NO_CONTACT = "Unable to contact slurm controller (connect failure)"
NOT_SUBMITTED = "sbatch: error: Batch job submission failed: "

# What Slurm 22.05.8 said on a real cluster while its parts were stopped one after the other.
MUNGE = """{0}: error: If munged is up, restart with --num-threads=10
{0}: error: Munge encode failed: Failed to access "/run/munge.socket": No such file (Did you start munged?)
{0}: error: slurm_send_node_msg: auth_g_create: REQUEST_JOB_INFO has authentication error
"""
OUTAGES = [
    ("squeue", 1, "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"),
    ("scontrol", 1, "slurm_load_node error: Unable to contact slurm controller (connect failure)\n"),
    ("squeue", 1, "slurm_load_jobs error: Socket timed out on send/recv operation\n"),
    ("squeue", 1, MUNGE.format("squeue") + "slurm_load_jobs error: Protocol authentication error\n"),
    ("sbatch", 1, MUNGE.format("sbatch") + NOT_SUBMITTED + "Protocol authentication error"),
    ("sbatch", 1, NOT_SUBMITTED + NO_CONTACT),
    ("sbatch", 1, NOT_SUBMITTED + "Socket timed out on send/recv operation\n"),
    ("scancel", 8, "scancel: error: Kill job error on job id 5: " + NO_CONTACT),
    ("scancel", 239, "scancel: error: Kill job error on job id 5: Protocol authentication error\n"),
    ("sacct", 1, "sacct: error: Problem talking to the database: Connection refused\n"),
    ("squeue", 1, "squeue: error: Parse error\nsqueue: fatal: Unable to process configuration file\n"),
    (
        "sacctmgr",
        1,
        "You are not running a supported accounting_storage plugin\n"
        "Only 'accounting_storage/slurmdbd' is supported.\n",
    ),
    ("squeue", 1, "squeue: fatal: Could not establish a configuration source\n"),
    ("squeue", 1, "slurm_load_jobs error: Zero Bytes were transmitted or received\n"),
    ("squeue", 1, "slurm_load_jobs error: Unexpected message received\n"),
    ("squeue", 1, "slurm_load_jobs error: Slurm backup controller in standby mode\n"),
    ("sbatch", 1, "sudo: a password is required\n"),
    ("sbatch", 255, "ssh: connect to host login port 22: Connection refused\n"),
    ("sh", 127, "sh: 1: squeue: not found\n"),
    ("squeue", 1, ""),
    ("squeue", 1, "words that nobody has ever seen\n"),
    ("squeue", -9, "slurm_load_jobs error: Invalid job id specified\n"),
    ("squeue", None, ""),
]  # fmt: skip

REFUSALS = [
    ("squeue", 1, "slurm_load_jobs error: Invalid job id specified\n", "Invalid job id specified"),
    (
        "sbatch",
        1,
        NOT_SUBMITTED + "Invalid account or account/partition combination specified\n",
        "Batch job submission failed: Invalid account or account/partition combination specified",
    ),
    (
        "sbatch",
        1,
        "sbatch: error: invalid partition specified: x\n"
        "sbatch: error: Batch job submission failed: Invalid partition name specified\n",
        "invalid partition specified: x; Batch job submission failed: Invalid partition name specified",
    ),
    (
        "sbatch",
        1,
        "sbatch: error: QOSMaxSubmitJobPerUserLimit\n" + NOT_SUBMITTED + "Job violates "
        "accounting/QOS policy (job submit limit, user's size and/or time limits)\n",
        "QOSMaxSubmitJobPerUserLimit; Batch job submission failed: Job violates accounting/QOS policy "
        "(job submit limit, user's size and/or time limits)",
    ),
    ("sbatch", 1, "sbatch: error: Invalid --time specification\n", "Invalid --time specification"),
    # scontrol update JobId=... TimeLimit=...
    ("scontrol", 1, "Job has already finished for job 108\n", "Job has already finished for job 108"),
    ("scontrol", 1, "Access/permission denied for job 24\n", "Access/permission denied for job 24"),
    ("scontrol", 1, "Invalid user id for job 24\n", "Invalid user id for job 24"),
    (
        "scontrol",
        1,
        "slurm_update error: Requested time limit is invalid (missing or exceeds some limit)\n",
        "Requested time limit is invalid (missing or exceeds some limit)",
    ),
    (
        "scancel",
        210,
        "scancel: error: Kill job error on job id 5: Access/permission denied\n",
        "Kill job error on job id 5: Access/permission denied",
    ),
]


@pytest.mark.parametrize(("command", "returncode", "stderr"), OUTAGES)
def test_an_outage_proves_nothing(command: str, returncode: int | None, stderr: str) -> None:
    assert type(classify(command, returncode, "", stderr)) is SlurmUnavailable


@pytest.mark.parametrize(("command", "returncode", "stderr", "message"), REFUSALS)
def test_a_refusal_is_told_in_slurms_own_words(
    command: str, returncode: int, stderr: str, message: str
) -> None:
    error = classify(command, returncode, "", stderr)
    assert type(error) is SlurmRefused
    assert (error.command, error.returncode, error.message) == (command, returncode, message)


def test_only_the_sentence_about_the_job_id_says_that_a_job_is_unknown() -> None:
    answers = [classify(command, returncode, "", stderr) for command, returncode, stderr, _ in REFUSALS]
    unknown = {
        answer.message for answer in answers if isinstance(answer, SlurmRefused) and answer.unknown_job
    }
    assert unknown == {"Invalid job id specified"}


def test_a_sudo_warning_before_an_outage_stays_an_outage() -> None:
    stderr = "sudo: unable to resolve host vm\nslurm_load_jobs error: Invalid job id specified\n"
    assert type(classify("squeue", 1, "", stderr)) is SlurmUnavailable


def test_a_command_that_complains_on_its_output_is_heard() -> None:
    error = classify("scontrol", 1, "slurm_load_node error: Invalid node name specified\n", "")
    assert isinstance(error, SlurmRefused)


def test_the_page_gets_the_last_words_and_no_paths() -> None:
    error = classify(
        "squeue", 1, "", MUNGE.format("squeue") + "slurm_load_jobs error: Protocol authentication error\n"
    )
    assert error.summary == "squeue: Protocol authentication error"
    assert "munge.socket" in str(error)


def test_words_for_a_terminal_do_not_reach_it() -> None:
    assert clean("sbatch: error: \x1b[31mred\x07\x00 text\n\n") == "[31mred   text"


def test_a_flood_of_words_is_cut_and_keeps_its_end() -> None:
    text = "\n".join(f"line {number}" for number in range(10_000))
    assert len(clean(text)) == 1000
    assert clean(text).endswith("line 9999")
