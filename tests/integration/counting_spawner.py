# The extra configuration while `test_class` runs: submissions take as long as a file is there, and are noted.
import asyncio
from pathlib import Path

from slurm.acting import ActsAsUser
from spawner import SlurmGPUSpawner

NOTES = Path("@NOTES@")
HOLD = NOTES.with_name("hold")


def note(word, job):
    with NOTES.open("a") as file:
        file.write(f"{word} {job['name']}\n")


class SlowActs(ActsAsUser):
    async def submit(self, **job):
        note("begin", job)
        try:
            await asyncio.sleep(0.5)
            while HOLD.exists():  # noqa: ASYNC110 - made by another process
                await asyncio.sleep(0.1)
            return await super().submit(**job)
        finally:
            note("end", job)


class CountedSpawner(SlurmGPUSpawner):
    def _acts_as(self, user):
        acts = super()._acts_as(user)
        acts.__class__ = SlowActs
        return acts


c = get_config()  # noqa: F821
c.JupyterHub.spawner_class = CountedSpawner
c.SlurmGPUSpawner.submissions_at_once = 2
