"""The helper that acts as a user: what it does, and everything that it refuses to do."""

import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HELPER = Path(__file__).parents[2] / "spawner" / "as_user.py"
NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="switches to an ordinary account, which needs root")

FAKE_SBATCH = """#!/usr/bin/python3
import json, os, sys
json.dump({"argv": sys.argv[1:], "env": dict(os.environ), "stdin": sys.stdin.read()}, open("%s", "w"))
%s
"""

JOB: dict[str, Any] = {
    "verb": "submit",
    "name": "hpchub/nobody/default/0badcafe",
    "script": "#!/bin/bash\nexec true\n",
    "environment": {"JUPYTERHUB_API_TOKEN": "canary-token"},
    "partition": "jupyter",
    "account": "proj01",
    "minutes": 60,
    "cpus": 2,
    "memory_mb": None,
    "gres": "shard:1",
    "exclusive": False,
    "comment": None,
    "constraint": None,
    "qos": None,
    "reservation": None,
}


class Site:
    """A folder as a site would set it up, with a recording sbatch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen = folder / "open" / "seen.json"
        self.program = folder / "hpchub-as-user"
        (folder / "open").mkdir()
        (folder / "open").chmod(0o777)
        (folder / "examples").mkdir()
        (folder / "examples" / "first.ipynb").write_text("{}")
        shutil.copy(HELPER, self.program)
        self.program.chmod(0o755)
        self.settings = folder / "hpchub-as-user.json"
        self.configure()
        self.command("sbatch", 'print("4711")')

    def configure(self, **changes: Any) -> None:
        settings = {
            "sbatch": str(self.folder / "sbatch"),
            "scancel": str(self.folder / "sbatch"),
            "environment": {"SLURM_CONF": "/etc/slurm/slurm.conf"},
            "log": f"{self.folder}/open/{{user}}/log",
            "workspace": f"{self.folder}/open/{{user}}/workspace",
            "examples": str(self.folder / "examples"),
        }
        self.settings.write_text(json.dumps({**settings, **changes}))
        self.settings.chmod(0o644)

    def command(self, name: str, ending: str) -> None:
        path = self.folder / name
        path.write_text(FAKE_SBATCH % (self.seen, ending))
        path.chmod(0o755)

    def ask(self, request: object, uid: int = NOBODY) -> dict[str, Any]:
        text = request if isinstance(request, str) else json.dumps(request)
        argv = [str(self.program)]
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, user=uid, group=uid, extra_groups=[], check=True
        )
        reply = json.loads(done.stdout)
        assert isinstance(reply, dict)
        return reply

    def record(self) -> dict[str, Any]:
        record = json.loads(self.seen.read_text())
        assert isinstance(record, dict)
        return record


@pytest.fixture
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Site(Path(name))


def test_submits_with_arguments_built_here(site: Site) -> None:
    assert site.ask(JOB) == {"ok": True, "job_id": "4711"}
    argv = site.record()["argv"]
    assert "--parsable" in argv
    assert "--no-requeue" in argv
    assert "--partition=jupyter" in argv
    assert "--gres=shard:1" in argv
    assert f"--output={site.folder}/open/nobody/log/%j.log" in argv
    assert f"--chdir={site.folder}/open/nobody/workspace" in argv
    assert not any(argument.startswith("--mem") for argument in argv)
    assert site.record()["stdin"] == JOB["script"]


def test_token_is_in_the_environment_and_not_on_the_command_line(site: Site) -> None:
    site.ask(JOB)
    assert site.record()["env"]["JUPYTERHUB_API_TOKEN"] == "canary-token"
    assert "canary-token" not in " ".join(site.record()["argv"])


def test_job_sees_nothing_of_the_hubs_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "canary")
    site.ask(JOB)
    assert set(site.record()["env"]) - {"LC_CTYPE"} == {
        *("PATH", "LANG", "HOME", "USER", "LOGNAME", "SHELL", "SLURM_CONF", "JUPYTERHUB_API_TOKEN")
    }


def test_site_can_allow_variables_of_its_own(site: Site) -> None:
    request = {**JOB, "environment": {"HTTPS_PROXY": "http://proxy:3128"}}
    assert "'HTTPS_PROXY'" in site.ask(request)["message"]
    site.configure(variables=["HTTPS_PROXY"])
    assert site.ask(request)["ok"]
    assert site.record()["env"]["HTTPS_PROXY"] == "http://proxy:3128"


def test_folders_are_the_users_alone(site: Site) -> None:
    site.ask(JOB)
    for name in ("log", "workspace"):
        status = (site.folder / "open" / "nobody" / name).stat()
        assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (NOBODY, 0o700)


def test_example_is_copied_once_and_stays_away_when_thrown_away(site: Site) -> None:
    site.ask(JOB)
    copy = site.folder / "open" / "nobody" / "workspace" / "first.ipynb"
    assert copy.exists()
    copy.unlink()
    site.ask(JOB)
    assert not copy.exists()


def test_cluster_name_after_the_id_is_understood(site: Site) -> None:
    site.command("sbatch", 'print("sbatch: a remark of the site"); print("4712;neuron")')
    assert site.ask(JOB)["job_id"] == "4712"


def test_answer_that_is_no_id_is_told_apart(site: Site) -> None:
    site.command("sbatch", 'print("Submitted, thanks")')
    assert site.ask(JOB)["kind"] == "not-understood"


def test_slurms_own_words_come_back(site: Site) -> None:
    site.command("sbatch", 'print("sbatch: error: Invalid account", file=sys.stderr); sys.exit(1)')
    reply = site.ask(JOB)
    assert reply["kind"] == "command"
    assert (reply["returncode"], reply["stderr"].strip()) == (1, "sbatch: error: Invalid account")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "two words"),
        ("name", "a\nb"),
        ("partition", "jupyter\n#SBATCH --partition=paid"),
        ("partition", "jupyter;reboot"),
        ("partition", "--wrap=reboot;"),
        ("account", ""),
        ("account", "a b"),
        ("minutes", 0),
        ("minutes", "60"),
        ("minutes", True),
        ("cpus", -1),
        ("gres", "gpu:1 --wrap=x"),
        ("exclusive", "yes"),
        ("comment", "a\nb"),
        ("script", ""),
        ("environment", {"LD_PRELOAD": "/tmp/x.so"}),
        ("environment", {"PATH": "/tmp"}),
        ("environment", {"JUPYTERHUB_X": 7}),
        ("environment", []),
    ],
)
def test_bad_value_is_refused_by_name_and_nothing_is_submitted(site: Site, key: str, value: object) -> None:
    reply = site.ask({**JOB, key: value})
    assert reply["kind"] == "invalid"
    assert key in reply["message"] or (isinstance(value, dict) and next(iter(value)) in reply["message"])
    assert not site.seen.exists()


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ("nonsense", "not JSON"),
        ([], "not a JSON object"),
        ({"verb": "shell"}, "unknown verb 'shell'"),
        ({**JOB, "wrap": "reboot"}, "'wrap'"),
        ({key: value for key, value in JOB.items() if key != "gres"}, "'gres'"),
        ({"verb": "log", "job_id": "../../etc/passwd", "lines": 5}, "job_id"),
        ({"verb": "log", "job_id": "1", "lines": 10**6}, "lines"),
        ({"verb": "cancel", "job_id": "-u", "name": "x"}, "job_id"),
    ],
)
def test_request_outside_the_closed_set_is_refused(site: Site, request_: object, words: str) -> None:
    reply = site.ask(request_)
    assert reply["kind"] == "invalid"
    assert words in reply["message"]


def test_too_large_a_request_is_refused(site: Site) -> None:
    assert "larger" in site.ask({**JOB, "script": "x" * (1 << 20)})["message"]


def test_never_acts_as_a_system_account(site: Site) -> None:
    for uid in (0, 999):
        reply = site.ask(JOB, uid=uid)
        assert reply["kind"] == "invalid"
        assert f"uid {uid}" in reply["message"]


def test_settings_that_others_could_write_are_not_believed(site: Site) -> None:
    site.settings.chmod(0o666)
    assert "root alone" in site.ask(JOB)["message"]
    site.settings.chmod(0o644)
    os.chown(site.settings, NOBODY, NOBODY)
    assert "root alone" in site.ask(JOB)["message"]


def test_end_of_the_log_and_only_that(site: Site) -> None:
    assert site.ask({"verb": "log", "job_id": "7", "lines": 5}) == {"ok": True, "lines": []}
    site.ask(JOB)
    log = site.folder / "open" / "nobody" / "log" / "7.log"
    log.write_bytes(b"\n".join(b"line %d" % number for number in range(10**5)) + b"\n\xff end")
    assert site.ask({"verb": "log", "job_id": "7", "lines": 2})["lines"] == ["line 99999", "\ufffd end"]


def test_cancels_only_the_job_of_that_name(site: Site) -> None:
    assert site.ask({"verb": "cancel", "job_id": "7", "name": JOB["name"]})["ok"]
    assert site.record()["argv"] == [f"--jobname={JOB['name']}", "7"]
