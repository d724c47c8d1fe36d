"""What the accounting database is asked, counted over minutes of virtual time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from slurm.accounts import Accounts
from slurm.client import SlurmClient
from slurm.process import Completed
from tests.slurm.virtual import VirtualLoop

OFF = """You are not running a supported accounting_storage plugin
Only 'accounting_storage/slurmdbd' is supported.
"""


class Database(SlurmClient):
    """Answers sacctmgr's questions in its words, or says `refusal`."""

    refusal = ""

    async def execute(self, argv: list[str], env: object, setting: str) -> Completed:  # type: ignore[override]
        await asyncio.sleep(0.1)
        if argv[:3] == ["scontrol", "show", "config"]:
            return Completed(0, "AccountingStorageEnforce = limits\nClusterName = c\n", "")
        if self.refusal:
            return Completed(1, "", self.refusal)
        answers = {
            "user": "anna|proj01|proj01||normal\n",
            "assoc": "proj01|||root|||||||gres/gpu=8|\nproj01|anna||||3||||||\n",
            "qos": "normal||||||||||||\n",
        }
        return Completed(0, answers[argv[4]], "")

    async def _read(self, parser: Callable[..., Any], *text: str) -> list[Any]:
        """Read here: virtual time does not wait for threads."""
        return list(parser(*text)[0])


def _tell(story: Callable[[Accounts, Database], Awaitable[None]]) -> Database:
    loop = VirtualLoop()
    database = Database()
    accounts = Accounts(database, logging.getLogger("hpchub"), clock=loop.time)

    async def tell() -> None:
        try:
            await story(accounts, database)
        finally:
            await accounts.close()

    try:
        loop.run_until_complete(tell())
    finally:
        loop.close()
    return database


def test_everybody_together_costs_two_questions_in_five_minutes() -> None:
    async def story(accounts: Accounts, database: Database) -> None:
        for _ in range(360):  # an hour of fifty people at a time
            await asyncio.gather(*(accounts.of("anna") for _ in range(25)))
            await asyncio.gather(*(accounts.rules() for _ in range(25)))
            await asyncio.sleep(10)
        rules = await accounts.rules()
        assert rules is not None
        assert rules.enforced
        assert (row := rules.of_user("anna", "proj01", "")) is not None
        assert row.max_jobs == 3
        assert rules.ancestry("proj01")[0].grp_gpus == {"": 8}

    assert _tell(story).queries["sacctmgr"] <= 2 * 12 + 3


def test_a_database_that_is_out_is_asked_no_oftener() -> None:
    async def story(accounts: Accounts, database: Database) -> None:
        database.refusal = "sacctmgr: error: Problem talking to the database: Connection refused"
        for _ in range(360):
            assert await accounts.rules() is None
            assert await accounts.of("anna") is None
            await asyncio.sleep(10)

    assert _tell(story).queries["sacctmgr"] <= 2 * 12 + 3


def test_without_accounting_there_are_no_rules() -> None:
    async def story(accounts: Accounts, database: Database) -> None:
        database.refusal = OFF
        assert await accounts.rules() is None
        assert await accounts.of("anna") is None

    _tell(story)


def test_rules_outlive_a_short_outage_and_not_a_long_one() -> None:
    async def story(accounts: Accounts, database: Database) -> None:
        assert await accounts.rules() is not None
        database.refusal = "sacctmgr: error: Problem talking to the database: Connection refused"
        await asyncio.sleep(900)
        assert await accounts.rules() is not None
        await asyncio.sleep(900)
        assert await accounts.rules() is None
        database.refusal = ""
        await asyncio.sleep(900)
        assert await accounts.rules() is not None

    _tell(story)
