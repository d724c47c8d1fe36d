"""The helper looks at a user's environments: with root's own program, as the user, and within bounds."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slurm.acting import ActsAsUser, HelperRefusedError
from slurm.errors import SlurmUnavailable
from tests.spawner.helper import NOBODY, Site

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="switches to an ordinary account, which needs root")

ASK = {"verb": "environments", "question": {"ask": "list"}}


@pytest.fixture
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Site(Path(name))


def answered_by(site: Site, code: str) -> None:
    """Have questions answered by a program of root's; it can say `note` to leave something to look at."""
    program = site.folder / "answers"
    program.write_text(
        "#!/usr/bin/python3 -I\nimport json, os, sys, time\n"
        f"def note(x): json.dump(x, open({str(site.seen)!r}, 'w'))\n{code}\n"
    )
    program.chmod(0o755)
    site.configure(environments=[str(program), "answer"])


def acting(site: Site) -> ActsAsUser:
    become = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups"
    return ActsAsUser(f"{become} {site.program}", "nobody", 60)


def test_question_goes_to_roots_own_program_which_runs_as_the_user(site: Site) -> None:
    look = "{'argv': sys.argv[1:], 'uid': os.getuid(), 'cwd': os.getcwd(), 'asked': json.load(sys.stdin)}"
    answered_by(site, f"note({look})\nprint(json.dumps({{'environments': []}}))")
    assert site.ask(ASK) == {"ok": True, "answer": {"environments": []}}
    assert site.record() == {"argv": ["answer"], "uid": NOBODY, "cwd": "/", "asked": {"ask": "list"}}


def test_the_program_sees_nothing_of_the_hubs_environment(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "canary")
    answered_by(site, "note(dict(os.environ))\nprint('{}')")
    site.ask(ASK)
    names = {*("PATH", "LANG", "HOME", "USER", "LOGNAME", "SHELL", "SLURM_CONF")}
    assert set(site.record()) - {"LC_CTYPE"} == names


def test_a_site_without_such_a_program_is_told_what_to_write(site: Site) -> None:
    reply = site.ask(ASK)
    assert reply["kind"] == "invalid"
    assert '"environments": [' in reply["message"]


@pytest.mark.parametrize("command", ["/bin/cat", [], ["/bin/cat", 7], {"a": 1}, None])
def test_a_setting_that_is_no_list_of_words_is_none(site: Site, command: object) -> None:
    site.configure(environments=command)
    assert "no command for `environments`" in site.ask(ASK)["message"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"question": "list"}, "question must be an object"),
        ({"question": None}, "question must be an object"),
        ({"question": {}, "command": ["/bin/sh"]}, "'command'"),
        ({}, None),
    ],
)
def test_what_is_not_a_question_is_refused(site: Site, more: dict[str, Any], words: str | None) -> None:
    answered_by(site, "print('{}')")
    request = {"verb": "environments", **more}
    reply = site.ask(request)
    assert reply["kind"] == "invalid"
    assert (words or "'question'") in reply["message"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("sys.exit(3)", "exit status 3"),
        ("print('hello')", "exit status 0"),
        ("print('[]')", "exit status 0"),
        ("print('['*100000)", "exit status 0"),
        ("sys.exit('the file system is away')", "the file system is away"),
    ],
)
def test_a_program_without_an_answer_is_an_outage(site: Site, code: str, words: str) -> None:
    answered_by(site, code)
    reply = site.ask(ASK)
    assert reply["kind"] == "system"
    assert words in reply["message"]


def test_an_answer_without_end_is_cut_off_and_none(site: Site) -> None:
    answered_by(site, "while True: sys.stdout.write('x' * 65536)")
    reply = site.ask(ASK)
    assert (reply["ok"], reply["kind"]) == (False, "system")
    assert len(json.dumps(reply)) < 2000


async def test_hub_gets_the_answer(site: Site) -> None:
    answered_by(site, "print(json.dumps({'heard': json.load(sys.stdin)}))")
    assert await acting(site).ask_environments({"ask": "list"}) == {"heard": {"ask": "list"}}


async def test_hub_tells_an_outage_from_a_site_that_is_not_set_up(site: Site) -> None:
    with pytest.raises(HelperRefusedError, match="no command for `environments`"):
        await acting(site).ask_environments({"ask": "list"})
    answered_by(site, "sys.exit(1)")
    with pytest.raises(SlurmUnavailable, match="gave no answer"):
        await acting(site).ask_environments({"ask": "list"})
