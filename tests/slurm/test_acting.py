"""The hub's side of the helper: which error each answer becomes."""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slurm.acting import ActsAsUser, FolderError, HelperRefusedError, LogTail
from slurm.errors import SlurmNotUnderstood, SlurmRefused, SlurmUnavailable
from tests.spawner.helper import JOB, NOBODY, Site

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="switches to an ordinary account, which needs root")

SUBMISSION = {key: value for key, value in JOB.items() if key != "verb"}
ASKED_FOR = {key: value for key, value in SUBMISSION.items() if key not in ("name", "script", "environment")}


@pytest.fixture
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Site(Path(name))


@pytest.fixture
def acts(site: Site) -> ActsAsUser:
    become = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups"
    return ActsAsUser(f"{become} {site.program}", "nobody", 60)


async def test_submission_gives_the_jobs_id(acts: ActsAsUser) -> None:
    assert await acts.submit(**SUBMISSION) == "4711"


async def test_trouble_with_a_folder_is_no_outage_of_slurm(acts: ActsAsUser, site: Site) -> None:
    (site.folder / "open").chmod(0o755)
    with pytest.raises(FolderError) as caught:
        await acts.submit(**SUBMISSION)
    assert (caught.value.path, caught.value.reason) == (f"{site.folder}/open/nobody", "denied")
    assert not isinstance(caught.value, SlurmUnavailable | SlurmRefused)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("sbatch: error: Batch job submission failed: Invalid account", SlurmRefused),
        ("sbatch: error: Unable to contact slurm controller (connect failure)", SlurmUnavailable),
    ],
)
async def test_sbatchs_words_are_told_apart(
    acts: ActsAsUser, site: Site, words: str, kind: type[Exception]
) -> None:
    site.command("sbatch", f"print({words!r}, file=sys.stderr); sys.exit(1)")
    with pytest.raises(kind):
        await acts.submit(**SUBMISSION)


async def test_answer_without_an_id_is_told_apart(acts: ActsAsUser, site: Site) -> None:
    site.command("sbatch", 'print("thanks")')
    with pytest.raises(SlurmNotUnderstood):
        await acts.submit(**SUBMISSION)


async def test_a_helper_that_refuses_is_the_sites_affair(acts: ActsAsUser) -> None:
    with pytest.raises(HelperRefusedError, match="'wrap'"):
        await acts.submit(**SUBMISSION, wrap="reboot")


@pytest.mark.parametrize(
    "command", ["/bin/false", "/bin/cat /etc/hostname", "/nowhere/hpchub-as-user", "/bin/echo {}"]
)
async def test_no_reply_of_the_helpers_proves_nothing(command: str) -> None:
    with pytest.raises(SlurmUnavailable):
        await ActsAsUser(command, "nobody", 10).submit(**SUBMISSION)


async def test_expected_start_is_slurms_opinion(acts: ActsAsUser, site: Site) -> None:
    line = "sbatch: Job 17 to start at 1790000000 using 2 processors on nodes gpu03 in partition jupyter"
    site.command("sbatch", f"print({line!r}, file=sys.stderr)")
    expected = await acts.expected(**ASKED_FOR)
    assert (expected.start, expected.nodes) == (datetime.fromtimestamp(1790000000, UTC), ("gpu03",))


async def test_a_no_to_a_question_is_no_error(acts: ActsAsUser, site: Site) -> None:
    words = "allocation failure: Invalid account or account/partition combination specified"
    site.command("sbatch", f"print({words!r}, file=sys.stderr); sys.exit(1)")
    assert "Invalid account" in (await acts.expected(**ASKED_FOR)).refusal


async def test_an_outage_is_no_opinion(acts: ActsAsUser, site: Site) -> None:
    words = "sbatch: error: Unable to contact slurm controller (connect failure)"
    site.command("sbatch", f"print({words!r}, file=sys.stderr); sys.exit(1)")
    with pytest.raises(SlurmUnavailable):
        await acts.expected(**ASKED_FOR)


async def test_end_of_a_log_with_its_size(acts: ActsAsUser, site: Site) -> None:
    assert await acts.read_log("7", 5) == LogTail()
    await acts.submit(**SUBMISSION)
    log = site.folder / "open" / "nobody" / "log" / "7.log"
    log.write_text("one\ntwo\n")
    log.chmod(0o644)
    assert await acts.read_log("7", 1) == LogTail(("two",), 8, truncated=True)
    assert await acts.log_tail("7", 5) == ["one", "two"]


async def test_a_log_that_cannot_be_read_says_why(acts: ActsAsUser, site: Site) -> None:
    await acts.submit(**SUBMISSION)
    os.mkfifo(site.folder / "open" / "nobody" / "log" / "7.log", 0o666)
    with pytest.raises(FolderError, match="not a file"):
        await acts.read_log("7", 5)
