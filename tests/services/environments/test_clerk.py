"""Beginning something: met with the queue's terms and the user's rights, once, and refused in words."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from environments.problems import Problem
from environments.site import Set, Site
from queues.policy import load_policy
from services.environments.clerk import Clerk
from services.environments.desk import Desk
from services.environments.follow import Follows
from tests.services.environments.kit import World, name

QUEUES = Path(__file__).resolve().parents[3] / "demo" / "queues.toml"
NOTEBOOK = {"name": "notebook", "python": "3.11.2", "packages": 9, "server": True}
RESET = {"verb": "reset", "environment": "notebook"}
USER = "a1113a01"


def clerk_of(world: World, desk: Desk, **settings: Any) -> Clerk:
    site = Site(channels=("https://channel.example/conda",), sets=(Set(name="base"),), **settings)
    return Clerk(world.settings, site, load_policy(QUEUES), desk)


@pytest.fixture
async def clerk(world: World, desk: Desk) -> AsyncIterator[Clerk]:
    world.has([NOTEBOOK], [])
    clerk = clerk_of(world, desk)
    yield clerk
    await clerk.close()


def submitted(world: World) -> list[dict[str, Any]]:
    return [call for call in world.calls if call["verb"] == "submit"]


async def test_an_action_becomes_a_job_of_the_user_on_the_sites_queue(world: World, clerk: Clerk) -> None:
    action = await clerk.submit(USER, frozenset(), RESET)
    (job,) = submitted(world)
    assert (job["user"], job["partition"], job["account"], job["minutes"]) == (USER, "jupyter", "proj01", 60)
    assert (job["gres"], job["environment"]) == ("shard:1", {})
    assert job["name"] == f"hpchub-env/{USER}/notebook/{action.id}/reset"
    assert "/srv/run.py job" in job["script"]


async def test_what_was_just_begun_is_seen_though_slurm_does_not_show_it(
    world: World, desk: Desk, clerk: Clerk
) -> None:
    action = await clerk.submit(USER, frozenset(), RESET)
    (one,) = (await desk.overview(USER)).actions
    assert (one.id, one.state, one.job) == (action.id, "waiting", "77")
    with pytest.raises(Problem, match="busy"):
        await clerk.submit(USER, frozenset(), RESET)
    assert len(submitted(world)) == 1


async def test_who_presses_twice_at_once_begins_it_once(world: World, clerk: Clerk) -> None:
    both = [clerk.submit(USER, frozenset(), RESET) for _time in range(2)]
    ended = await asyncio.gather(*both, return_exceptions=True)
    assert [one.code for one in ended if isinstance(one, Problem)] == ["busy"]
    assert len(submitted(world)) == 1


async def test_what_cannot_be_seen_at_the_moment_is_not_called_missing(world: World, clerk: Clerk) -> None:
    (world.folder / "list.json").unlink()
    await clerk.submit(USER, frozenset(), RESET)
    assert len(submitted(world)) == 1


async def test_a_job_that_only_slurm_knows_keeps_a_second_out(world: World, clerk: Clerk) -> None:
    world.queue(("5", "PENDING", USER, "Priority", name("plugins", USER)))
    with pytest.raises(Problem, match="busy"):
        await clerk.submit(USER, frozenset(), RESET)
    other = {"verb": "bootstrap", "environment": "other"}
    assert (await clerk.submit(USER, frozenset(), other)).environment == "other"


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (
            {"ok": False, "kind": "command", "command": "sbatch", "returncode": 1, "stdout": ""}
            | {"stderr": "sbatch: error: Batch job submission failed: Requested time limit is invalid"},
            "refused",
            "so many hours",
        ),
        (
            {"ok": False, "kind": "command", "command": "sbatch", "returncode": 1, "stdout": ""}
            | {"stderr": "sbatch: error: Unable to contact slurm controller (connect failure)"},
            "slurm",
            "does not answer",
        ),
        ({"ok": False, "kind": "folder", "path": "/scratch/x/log", "reason": "quota"}, "folder", "quota"),
        ({"ok": False, "kind": "invalid", "message": "script is too long"}, "setup", "administrators"),
    ],
)
async def test_a_refusal_is_told_apart_from_an_outage(
    world: World, desk: Desk, clerk: Clerk, reply: dict[str, Any], code: str, words: str
) -> None:
    world.submits(reply)
    with pytest.raises(Problem) as refused:
        await clerk.submit(USER, frozenset(), RESET)
    assert refused.value.code == code
    assert words in str(refused.value.sentence)
    assert (await desk.overview(USER)).actions == ()


async def test_a_queue_that_is_not_for_the_user_says_so_before_anything_is_submitted(
    world: World, desk: Desk
) -> None:
    world.has([NOTEBOOK], [])
    clerk = clerk_of(world, desk, queue="bigmem")
    with pytest.raises(Problem, match="takes only jobs of the projects proj02"):
        await clerk.submit(USER, frozenset(), RESET)
    assert submitted(world) == []
    await clerk.close()


async def test_what_is_on_no_page_any_more_is_not_called_missing(world: World, clerk: Clerk) -> None:
    (world.folder / "list.json").write_text(json.dumps({"environments": [], "actions": [], "more": 3}))
    assert await clerk.submit(USER, frozenset(), RESET)


async def test_what_is_not_there_cannot_be_reset(world: World, clerk: Clerk) -> None:
    with pytest.raises(Problem, match="missing"):
        await clerk.submit(USER, frozenset(), {"verb": "reset", "environment": "nothing"})
    assert submitted(world) == []


async def test_the_last_known_stays_while_the_files_are_away(world: World, desk: Desk) -> None:
    world.has([NOTEBOOK], [])
    before = await desk.overview(USER)
    world.goes_down()
    after = await desk.overview(USER)
    assert after.environments == before.environments
    assert after.as_of == before.as_of
    assert "cannot be read" in str(after.files_problem)
    assert (await desk.overview("a1113a02")).environments == ()


async def test_cancelling_names_the_job_by_id_and_name(world: World, desk: Desk, clerk: Clerk) -> None:
    world.queue(("5", "PENDING", USER, "Priority", name("plugins", USER)))
    (one,) = (await desk.overview(USER)).actions
    await clerk.cancel(USER, one)
    (call,) = [call for call in world.calls if call["verb"] == "cancel"]
    assert (call["job_id"], call["name"]) == ("5", name("plugins", USER))


async def look(world: World, desk: Desk) -> None:
    """Have Slurm asked now, when it may be: it rests between two questions."""
    asked = len(world.slurm_calls)
    for _try in range(1000):
        await desk.line.look(0.0)
        if len(world.slurm_calls) > asked:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("Slurm was not asked")


def says(command: str, words: str) -> dict[str, Any]:
    return {
        "ok": False,
        "kind": "command",
        "command": command,
        "returncode": 1,
        "stdout": "",
        "stderr": words,
    }


HUNG = says("sbatch", "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation")


async def test_when_slurm_took_it_without_a_word_nobody_says_that_nothing_was_begun(
    world: World, clerk: Clerk
) -> None:
    world.submits(HUNG)
    with pytest.raises(Problem) as unknown:
        await clerk.submit(USER, frozenset(), RESET)
    assert unknown.value.code == "slurm"
    assert "not known whether this was begun" in str(unknown.value.sentence)


async def test_a_job_that_slurm_took_without_a_word_is_found_by_its_name(world: World, desk: Desk) -> None:
    world.has([NOTEBOOK], [])
    clerk = clerk_of(world, desk)
    world.submits(HUNG)
    # As a Slurm that wakes up: it shows the job of the very action that was handed to sbatch.
    helper = world.folder / "helper"
    helper.write_text(
        helper.read_text().replace(
            "    print(json.dumps(json.load(", f"{SHOWS}    print(json.dumps(json.load("
        )
    )
    action = await clerk.submit(USER, frozenset(), RESET)
    (one,) = (await desk.overview(USER)).actions
    assert (one.id, one.job, one.state) == (action.id, "9", "waiting")
    await clerk.close()


SHOWS = """    squeue = folder + "/squeue.txt"
    row = "9|PENDING|jupyter|{user}|proj01|normal|1795254860|1795254860|1795258460|1:00:00|1|1|n/a||1|"
    row += "(null)|N/A|N/A|cpu=1MARKPriorityMARK(null)MARK{name}MARK\\n"
    open(squeue, "a").write(row.format(user=sys.argv[1], name=request["name"]))
"""


async def test_who_presses_again_before_slurm_answers_begins_nothing_twice(
    world: World, desk: Desk, clerk: Clerk
) -> None:
    world.submits(HUNG)
    squeue = world.folder / "squeue"
    good = squeue.read_text()
    with pytest.raises(Problem, match="not known whether"):
        await clerk.submit(USER, frozenset(), RESET)
    squeue.write_text("#!/bin/sh\necho 'squeue: error: Socket timed out' >&2; exit 1\n")
    with pytest.raises(Problem, match="not known whether"):
        await clerk.submit(USER, frozenset(), RESET)
    assert len(submitted(world)) == 1
    squeue.write_text(good)
    await look(world, desk)
    world.submits({"ok": True, "job_id": "78"})
    assert await clerk.submit(USER, frozenset(), RESET)


async def test_a_cancel_that_slurm_refuses_is_told(world: World, desk: Desk, clerk: Clerk) -> None:
    world.queue(("5", "RUNNING", USER, "None", name("plugins", USER)))
    world.cancels(says("scancel", "scancel: error: Kill job error on job id 5: Access/permission denied"))
    (one,) = (await desk.overview(USER)).actions
    with pytest.raises(Problem) as refused:
        await clerk.cancel(USER, one)
    # The pages pass over the code "over", which is no news: this has ended already.
    assert refused.value.code == "refused"


async def test_an_accounting_that_is_out_is_asked_once_for_a_page(world: World, desk: Desk) -> None:
    world.has(
        [],
        [
            {
                "id": f"{number:016x}",
                "verb": "reset",
                "environment": "notebook",
                "began": 1.0,
                "job": str(number),
            }
            for number in range(1, 6)
        ],
    )
    found = (await desk.overview(USER)).actions
    assert [one.state for one in found] == ["interrupted"] * 5
    assert len([call for call in world.slurm_calls if call.startswith("sacct ")]) == 1


async def test_jobs_that_the_accounting_has_thrown_away_are_not_asked_for_on_each_page(world: World) -> None:
    world.accounts("true")
    line = world.line(lambda: 1000.0)
    for _page in range(3):
        assert [await line.end_of(str(number)) for number in range(1, 6)] == [None] * 5
    assert len([call for call in world.slurm_calls if call.startswith("sacct ")]) == 5
    await line.close()


async def test_an_end_of_which_the_accounting_hears_later_is_told_then(world: World) -> None:
    now = [1000.0]
    line = world.line(lambda: now[0])
    world.accounts("true")
    for now[0] in (1000.0, 1001.0, 1002.0, 1004.0):
        assert await line.end_of("77") is None
    assert len([call for call in world.slurm_calls if call.startswith("sacct ")]) == 2
    world.accounts(
        "echo '77|TIMEOUT|jupyter|anna|proj01|normal|1795254860|1795254860|1795258460|60|1|1|gpu01|0:0|x'"
    )
    now[0] = 1006.0
    end = await line.end_of("77")
    assert end is not None
    assert end.state == "TIMEOUT"
    await line.close()


async def test_what_slurm_has_ended_stays_so_when_it_forgets_the_job_a_moment_later(
    world: World, desk: Desk
) -> None:
    identity = "0123456789abcdef"
    about = {"id": identity, "verb": "reset", "environment": "notebook", "began": time.time(), "job": "77"}
    world.has([], [about])
    world.queue(("77", "TIMEOUT", USER, "None", name("reset", USER, identity)))
    for _again in range(2):
        (one,) = (await desk.overview(USER, 0.0)).actions
        assert (one.state, one.trouble is not None and "time limit" in str(one.trouble.sentence)) == (
            "interrupted",
            True,
        )
        world.queue()
    # Nobody else's journal shows it, whatever it says.
    assert desk.line.ended(identity, USER) is not None
    assert desk.line.ended(identity, "ben") is None
    assert not [call for call in world.slurm_calls if call.startswith("sacct ")]


async def test_a_job_that_ran_when_it_was_seen_last_is_not_remembered_as_ended(
    world: World, desk: Desk
) -> None:
    identity = "0123456789abcdef"
    world.has([], [{"id": identity, "verb": "reset", "environment": "notebook", "began": 1.0, "job": "77"}])
    world.queue(("77", "RUNNING", USER, "None", name("reset", USER, identity)))
    assert [one.state for one in (await desk.overview(USER, 0.0)).actions] == ["running"]
    assert desk.line.ended(identity, USER) is None
    world.queue()
    await look(world, desk)
    assert [one.state for one in (await desk.overview(USER, 0.0)).actions] == ["interrupted"]


async def test_what_was_cancelled_while_it_waited_stays_so_when_slurm_forgets_the_job(
    world: World, desk: Desk, clerk: Clerk
) -> None:
    action = await clerk.submit(USER, frozenset(), RESET)
    follows = Follows(desk)
    world.queue(("77", "CANCELLED", USER, "None", name("reset", USER, action.id)))
    await look(world, desk)
    assert (await follows.glance(USER, action.id)).now.state == "cancelled"
    world.queue()
    await look(world, desk)
    assert (await follows.glance(USER, action.id)).now.state == "cancelled"
    assert [one.state for one in (await desk.overview(USER, 0.0)).actions] == ["cancelled"]
    # Nor does it keep the next one out.
    assert await clerk.submit(USER, frozenset(), RESET)


async def test_a_job_that_slurm_forgot_before_it_began_is_not_waited_for(
    world: World, desk: Desk, clerk: Clerk
) -> None:
    action = await clerk.submit(USER, frozenset(), RESET)
    world.queue(("77", "PENDING", USER, "Priority", name("reset", USER, action.id)))
    await look(world, desk)
    assert [one.state for one in (await desk.overview(USER, 0.0)).actions] == ["waiting"]
    world.queue()
    await look(world, desk)
    assert [one.state for one in (await desk.overview(USER, 0.0)).actions] == ["failed"]


async def test_while_slurm_is_out_what_there_is_can_be_seen(world: World, desk: Desk) -> None:
    world.has([NOTEBOOK], [])
    (world.folder / "squeue").write_text("#!/bin/sh\necho 'squeue: error: connect failure' >&2; exit 1\n")
    seen = await desk.overview(USER)
    assert [one.name for one in seen.environments] == ["notebook"]
    assert (seen.slurm_answers, seen.files_problem) == (False, None)


async def test_without_the_sites_file_nothing_is_submitted_that_would_trip_over_it(
    world: World, clerk: Clerk
) -> None:
    problem = {"code": "site", "msgid": "The file cannot be read.", "params": {}, "details": ""}
    (world.folder / "list.json").write_text(json.dumps({"problem": problem}))
    with pytest.raises(Problem) as refused:
        await clerk.submit(USER, frozenset(), RESET)
    assert refused.value.code == "site"
    assert submitted(world) == []
