"""What `hpchub_slurm_engines` uses of ipyparallel's launchers, which only users' environments have."""

from typing import Any as Anything

from traitlets import Any, Dict, Integer, List, Unicode
from traitlets.config import LoggingConfigurable


class LauncherError(Exception):
    """As ipyparallel's."""


class SlurmEngineSetLauncher(LoggingConfigurable):
    """The settings, and how it is told that engines have begun and ended."""

    queue = Unicode(config=True)
    timelimit = Any("", config=True)
    account = Unicode(config=True)
    qos = Unicode(config=True)
    options = Unicode(config=True)
    environment = Dict(config=True)
    engine_cmd = List(["python", "-m", "ipyparallel.engine"])
    engine_args = List(Unicode())
    n = Integer(1)
    profile_dir = Unicode()
    cluster_id = Unicode()
    job_id = Unicode()
    state = Unicode("before")
    stop_data = Any()
    stop_callbacks = List()

    def get_env(self) -> dict[str, str]:
        return {"IPP_CLUSTER_ID": self.cluster_id, **self.environment}

    def notify_start(self, data: Anything) -> None:
        self.state = "running"

    def on_stop(self, call: Anything) -> None:
        if self.state == "after":
            call(self.stop_data)
        else:
            self.stop_callbacks.append(call)

    def notify_stop(self, data: Anything) -> None:
        if self.state == "after":
            return
        self.stop_data, self.state = data, "after"
        for call in self.stop_callbacks:
            call(data)
