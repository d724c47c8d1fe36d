"""The helper that acts as a user: what it does, and everything that it refuses to do."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.spawner.helper import JOB, NOBODY, Site

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="switches to an ordinary account, which needs root")


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


def test_request_that_is_no_json_is_refused(site: Site) -> None:
    assert "not JSON" in site.reply(b"nonsense")["message"]


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
    nothing = {"ok": True, "lines": [], "size": 0, "truncated": False}
    assert site.ask({"verb": "log", "job_id": "7", "lines": 5}) == nothing
    site.ask(JOB)
    log = site.folder / "open" / "nobody" / "log" / "7.log"
    log.write_bytes(b"\n".join(b"line %d" % number for number in range(10**5)) + b"\n\xff end")
    assert site.ask({"verb": "log", "job_id": "7", "lines": 2})["lines"] == ["line 99999", "\ufffd end"]


def test_cancels_only_the_job_of_that_name(site: Site) -> None:
    assert site.ask({"verb": "cancel", "job_id": "7", "name": JOB["name"]})["ok"]
    assert site.record()["argv"] == [f"--jobname={JOB['name']}", "7"]


ASKED_FOR = {key: value for key, value in JOB.items() if key not in ("name", "script", "environment")}


def test_slurms_opinion_on_a_job_that_is_not_submitted(site: Site) -> None:
    site.command("sbatch", 'print("sbatch: Job 17 to start at 1790000000", file=sys.stderr)')
    reply = site.ask({**ASKED_FOR, "verb": "expected"})
    assert (reply["ok"], reply["returncode"], reply["stdout"]) == (True, 0, "")
    assert reply["stderr"] == "sbatch: Job 17 to start at 1790000000\n"
    argv = site.record()["argv"]
    assert "--test-only" in argv
    assert "--gres=shard:1" in argv
    assert site.record()["env"]["SLURM_TIME_FORMAT"] == "%s"
    assert not any("log" in argument or argument.startswith("--job-name") for argument in argv)
    assert os.listdir(site.folder / "open") == ["seen.json"]


def test_slurms_no_to_a_question_is_an_answer(site: Site) -> None:
    site.command("sbatch", 'print("allocation failure: Invalid account", file=sys.stderr); sys.exit(1)')
    reply = site.ask({**ASKED_FOR, "verb": "expected"})
    assert (reply["ok"], reply["returncode"]) == (True, 1)
    assert "Invalid account" in reply["stderr"]


def test_question_is_about_the_same_as_the_submission(site: Site) -> None:
    site.ask({**ASKED_FOR, "verb": "expected"})
    asked = {word for word in site.record()["argv"] if word not in ("--test-only", "--chdir=/")}
    site.ask(JOB)
    extra = set(site.record()["argv"]) - asked
    assert {word.partition("=")[0] for word in extra} == {
        *("--parsable", "--job-name", "--export", "--output", "--chdir")
    }


@pytest.mark.parametrize("key", ["script", "environment", "name"])
def test_question_needs_nothing_that_runs(site: Site, key: str) -> None:
    assert f"'{key}'" in site.ask({**ASKED_FOR, "verb": "expected", key: JOB[key]})["message"]
