# The site's extra configuration while `test_hub_killed` runs: a spawner that kills its hub at a named step,
# once, when the file ORDER holds the step's name.
import asyncio
import os
import signal
from pathlib import Path

from slurm.acting import ActsAsUser
from spawner import SlurmGPUSpawner

ORDER = Path("@ORDER@")
MIDDLE = 0.05  # seconds after which a call of the helper is surely begun, and hardly over


def ordered(step):
    return ORDER.exists() and ORDER.read_text() == step


def die_at(step):
    if ordered(step):
        ORDER.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


class MortalActs(ActsAsUser):
    async def submit(self, **job):
        die_at("in line")
        return await self._mortally("sbatch", super().submit(**job))

    async def cancel(self, job_id, name):
        return await self._mortally("scancel", super().cancel(job_id, name))

    async def _mortally(self, command, call):
        task = asyncio.ensure_future(call)
        if ordered(f"{command} runs"):
            await asyncio.sleep(MIDDLE)
            die_at(f"{command} runs")
        answer = await task
        die_at(f"{command} has answered")
        return answer


class MortalSpawner(SlurmGPUSpawner):
    def _acts_as(self, user):
        acts = super()._acts_as(user)
        acts.__class__ = MortalActs
        return acts

    async def take_options(self, user_options):
        request = await super().take_options(user_options)
        die_at("options are taken")
        return request

    def save(self):
        if self.ticket.host:
            die_at("address is known")
        super().save()
        if self.ticket.host:
            die_at("address is saved")
        elif self.job_id:
            die_at("id is saved")
        elif self.ticket.name:
            die_at("ticket is saved")

    async def follow(self):
        asyncio.get_running_loop().call_later(0.5, die_at, "job is followed")
        return await super().follow()

    async def take_port(self, port):
        die_at("port is reported")
        answer = await super().take_port(port)
        die_at("port is taken")
        return answer

    async def start(self):
        address = await super().start()
        die_at("start returns")
        return address

    def start_polling(self):
        super().start_polling()
        die_at("address is the hub's")

    def add_poll_callback(self, callback, *args, **kwargs):
        super().add_poll_callback(callback, *args, **kwargs)
        die_at("server is ready")

    async def stop(self, now=False):
        die_at("stop is pressed")
        await super().stop(now)
        die_at("stop has ended")

    def clear_state(self):
        # A start clears the state, too; there is no job then.
        if self.job_id:
            die_at("server is taken out")
        super().clear_state()


c = get_config()  # noqa: F821
c.JupyterHub.spawner_class = MortalSpawner
