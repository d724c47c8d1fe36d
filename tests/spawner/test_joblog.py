"""Reading a job's log for a page: one helper at a time for each user, however many ask."""

from __future__ import annotations

import asyncio

from slurm.errors import SlurmUnavailable
from spawner.joblog import JobLogs


class Helper:
    """Reads a log when `go` is set, and counts how many read at once."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.calls: list[str] = []
        self.now = self.most = 0

    async def log_tail(self, job_id: str, lines: int) -> list[str]:
        self.calls.append(job_id)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.go.wait()
        finally:
            self.now -= 1
        if job_id == "0":
            raise SlurmUnavailable("hpchub-as-user", None, "timeout")
        return [f"{job_id}:{line}" for line in range(lines)]


async def test_hundred_windows_start_one_helper() -> None:
    helper, logs = Helper(), JobLogs(fresh=60)
    asked = [asyncio.create_task(logs.tail(helper, "u", "7", 2)) for _window in range(100)]
    await asyncio.sleep(0)
    helper.go.set()
    tails = await asyncio.gather(*asked)
    assert {tail.lines for tail in tails} == {("7:0", "7:1")}
    assert helper.calls == ["7"]
    # A moment later it is still good enough.
    await logs.tail(helper, "u", "7", 2)
    assert helper.calls == ["7"]


async def test_what_is_old_is_read_again() -> None:
    helper, logs = Helper(), JobLogs(fresh=0)
    helper.go.set()
    await logs.tail(helper, "u", "7", 1)
    await logs.tail(helper, "u", "7", 1)
    assert helper.calls == ["7", "7"]


async def test_two_servers_of_one_user_take_turns() -> None:
    helper, logs = Helper(), JobLogs(fresh=60)
    asked = [asyncio.create_task(logs.tail(helper, "u", job, 1)) for job in ("7", "8", "7", "8")]
    await asyncio.sleep(0.01)
    helper.go.set()
    tails = await asyncio.gather(*asked)
    assert [tail.lines for tail in tails] == [("7:0",), ("8:0",), ("7:0",), ("8:0",)]
    assert helper.most == 1


async def test_users_do_not_wait_for_each_other() -> None:
    helper, logs = Helper(), JobLogs()
    asked = [asyncio.create_task(logs.tail(helper, user, "7", 1)) for user in "uvw"]
    await asyncio.sleep(0.01)
    assert helper.most == 3
    helper.go.set()
    await asyncio.gather(*asked)


async def test_page_does_not_wait_for_a_file_system_that_hangs_and_asks_it_once() -> None:
    helper, logs = Helper(), JobLogs(patience=0.01)
    for _time in range(5):
        assert (await logs.tail(helper, "u", "7", 1)).problem == "slow"
    assert helper.calls == ["7"]
    helper.go.set()
    await asyncio.sleep(0)


async def test_log_that_cannot_be_read_is_said_in_the_helper_s_words() -> None:
    helper, logs = Helper(), JobLogs()
    helper.go.set()
    tail = await logs.tail(helper, "u", "0", 1)
    assert (tail.problem, tail.detail) == ("unreadable", "timeout")
