"""The hub asks about a user's folders, in which the user may have done anything."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import environments
from environments import answers, found, site
from environments.actions.recorded import recorded
from environments.layout import Layout
from tests.environments.actions.kit import User, action

RUN = Path(environments.__file__).with_name("run.py")


@pytest.fixture
def settings(user: User, tmp_path: Path) -> Path:
    path = tmp_path / "environments.toml"
    root = str(user.layout.root).replace("/me/", "/{user}/")
    path.write_text(
        f'root = "{root}"\nworkspace = "{tmp_path}/{{user}}/workspace"\n'
        f'channels = ["{user.site.channels[0]}"]\n'
    )
    (tmp_path / site.own_name()).symlink_to(tmp_path / "me")
    return path


def ask(settings: Path, question: object) -> tuple[int, dict[str, Any]]:
    raw = question if isinstance(question, bytes) else json.dumps(question).encode()
    done = subprocess.run(
        [sys.executable, "-I", RUN, "--site", settings, "answer"], input=raw, capture_output=True, timeout=60
    )
    assert not done.stderr, done.stderr
    assert len(done.stdout) <= answers.LARGEST + 1000
    return done.returncode, json.loads(done.stdout)


def answered(settings: Path, **question: object) -> dict[str, Any]:
    code, reply = ask(settings, question)
    assert code == 0
    return reply


def test_the_list_has_environments_and_what_was_done(notebook: User, settings: Path) -> None:
    notebook.pip_installs()
    outcome = recorded(action("install", specs=("extra",)), notebook.site, notebook.layout, lambda _: None)
    reply = answered(settings, ask="list")
    (one,) = reply["environments"]
    assert (one["name"], one["set"], one["packages"], one["python"], one["busy"]) == (
        "notebook",
        "small",
        4,
        "3.11.1",
        "",
    )
    assert [state["current"] for state in one["generations"]] == [True, False]
    (done,) = reply["actions"]
    assert (done["id"], done["verb"], done["result"]) == (outcome.action.id, "install", "done")
    assert done["ended"] >= done["began"]


def test_the_list_of_somebody_who_has_nothing(settings: Path) -> None:
    assert answered(settings, ask="list") == {"environments": [], "more": 0, "actions": []}


@pytest.mark.parametrize(("states", "least"), [(1, 200), (9, 60)])
def test_who_has_many_environments_is_told_of_some_and_how_many_more(
    user: User, settings: Path, states: int, least: int
) -> None:
    layout = user.layout
    layout.envs.mkdir(parents=True)
    for number in range(210):
        name = f"course-{number:03}"
        for state in range(states):
            prefix = layout.generations / f"{name}-{number:04x}{state:04x}"
            (prefix / "conda-meta").mkdir(parents=True)
            (prefix / "conda-meta" / "hpchub").write_text(json.dumps({"verb": "reset", "label": "x" * 60}))
            (prefix / "conda-meta" / "python-3.11.2-0.json").touch()
        (layout.envs / name).symlink_to(f"../generations/{prefix.name}")
    said = answered(settings, ask="list")
    names = [one["name"] for one in said["environments"]]
    assert names == sorted(names)
    assert len(names) >= least
    assert len(names) + said["more"] == 210
    assert len(found.environments(None, layout)) == 210, "a terminal shows all"


def test_packages_of_conda_and_of_pip(notebook: User, settings: Path) -> None:
    notebook.pip_installs()
    reply = answered(settings, ask="packages", environment="notebook")
    asked = {one["name"]: one["requested"] for one in reply["packages"]}
    assert asked == {"base": False, "python": True, "tool": True}
    assert all(one["size"] > 0 for one in reply["packages"])
    assert reply["others"] == [{"name": "mine", "version": "3.0"}]


def test_a_journal_is_told_in_parts(notebook: User, settings: Path) -> None:
    outcome = recorded(action("reset"), notebook.site, notebook.layout, lambda _: None)
    first = answered(settings, ask="journal", action=outcome.action.id, after=0)
    assert first["ended"]
    assert first["events"][0]["kind"] == "begin"
    assert first["events"][-1]["about"]["result"] == "done"
    rest = answered(settings, ask="journal", action=outcome.action.id, after=first["next"])
    assert (rest["events"], rest["next"], rest["ended"]) == ([], first["next"], True)
    assert not answered(settings, ask="journal", action="0" * 16, after=0)["ended"]


def test_export_python_and_what_is_missing(notebook: User, settings: Path) -> None:
    reply = answered(settings, ask="export", environment="notebook", format="yml")
    assert reply["filename"] == "environment.yml"
    assert "tool" in reply["text"]
    python = answered(settings, ask="python", environment="notebook")
    assert python["python"].endswith("/.conda/envs/notebook/bin/python")
    assert python["server"] is False
    assert answered(settings, ask="python", environment="none") == {
        "python": None,
        "server": False,
        "busy": "",
    }
    assert answered(settings, ask="packages", environment="none")["problem"]["code"] == "missing"


def test_what_is_taken_along(notebook: User, settings: Path) -> None:
    folder = notebook.layout.root.parent / "workspace" / "paper"
    folder.mkdir(parents=True)
    reply = answered(settings, ask="takeaway", environment="notebook", folder="paper")
    assert "Dockerfile" in reply.get("files", {}), reply
    (folder / "out").symlink_to("/etc")
    code, reply = ask(settings, {"ask": "takeaway", "environment": "notebook", "folder": "paper/out"})
    assert (code, reply["problem"]["code"]) == (2, "question")


@pytest.mark.parametrize(
    "question",
    [
        b"",
        b"[]",
        b"{",
        b'{"ask": "list"' + b" " * 70_000 + b"}",
        b"[" * 50_000,
        {"ask": "remove"},
        {"ask": ["list"]},
        {"ask": "list", "more": 1},
        {"ask": "packages"},
        {"ask": "packages", "environment": "../../etc"},
        {"ask": "packages", "environment": "a/b"},
        {"ask": "packages", "environment": ".."},
        {"ask": "packages", "environment": 7},
        {"ask": "packages", "environment": "x" * 41},
        {"ask": "journal", "action": "../../../etc/passwd", "after": 0},
        {"ask": "journal", "action": "a" * 16, "after": -1},
        {"ask": "journal", "action": "a" * 16, "after": True},
        {"ask": "journal", "action": "a" * 16, "after": 1e9},
        {"ask": "export", "environment": "notebook", "format": "exe"},
        {"ask": "export", "environment": "notebook", "format": ["yml"]},
        {"ask": "takeaway", "environment": "notebook", "folder": "/etc"},
        {"ask": "takeaway", "environment": "notebook", "folder": "../.ssh"},
    ],
)
def test_questions_that_are_none_are_refused(settings: Path, question: object) -> None:
    code, reply = ask(settings, question)
    assert (code, reply["problem"]["code"]) == (2, "question")


def test_folders_of_every_kind_are_survived(notebook: User, settings: Path) -> None:
    layout = notebook.layout
    hostile(layout)
    names = [one["name"] for one in answered(settings, ask="list")["environments"]]
    assert names == ["dangling", "empty", "huge", "loop", "marks", "notebook", "pipe", "records", "text"]
    for name in names:
        for question in ({"ask": "packages"}, {"ask": "export", "format": "yml"}, {"ask": "python"}):
            code, reply = ask(settings, {**question, "environment": name})
            assert code == 0
            assert reply.get("problem", {}).get("code") != "slow"
    records = answered(settings, ask="packages", environment="records")["packages"]
    assert [one["name"] for one in records] == ["deep", "fifo", "half", "huge", "odd", "wrong"]


def hostile(layout: Layout) -> None:
    envs = layout.envs
    (envs / "dangling").symlink_to("../generations/gone-00000000")
    (envs / "loop").symlink_to("loop")
    (envs / "empty").mkdir()
    (envs / "text").write_text("no folder")
    os.mkfifo(envs / "pipe")
    (envs / "bad\nname").mkdir()
    (envs / os.fsdecode(b"bad\xff")).mkdir()
    (envs / "marks" / "conda-meta").mkdir(parents=True)
    os.mkfifo(envs / "marks" / "conda-meta" / "hpchub")
    os.mkfifo(envs / "marks" / "conda-meta" / "history")
    (envs / "huge" / "conda-meta").mkdir(parents=True)
    (envs / "huge" / "conda-meta" / "hpchub").write_text("[" * 100_000)
    (envs / "huge" / "conda-meta" / "history").write_text("# update specs: " + "[" * 50_000)
    meta = envs / "records" / "conda-meta"
    meta.mkdir(parents=True)
    os.mkfifo(meta / "fifo-1-0.json")
    with (meta / "huge-1-0.json").open("wb") as file:
        file.truncate(1 << 30)
    (meta / "deep-1-0.json").write_text("[" * 100_000)
    (meta / "half-1-0.json").write_text('{"name": "ha')
    (meta / "wrong-1-0.json").write_text('{"size": "big", "channel": 7, "requested_specs": {}}')
    (meta / "odd-1-0.json").write_text('{"size": NaN, "channel": "\\ud800"}')
    (meta / "hpchub").write_text('{"made": "yesterday", "set": ["x"], "label": {}}')
    layout.actions.mkdir(parents=True, exist_ok=True)
    os.mkfifo(layout.journal("a" * 16))
    layout.journal("b" * 16).write_text("garbage")
    begin = {"kind": "begin", "at": 1, "about": {"action": {"verb": ["x"], "environment": "../.."}}}
    layout.journal("c" * 16).write_text(json.dumps(begin) + "\n")
    (layout.actions / "none.jsonl").mkdir()


def test_an_action_that_was_killed_is_told_as_interrupted(notebook: User, settings: Path) -> None:
    layout = notebook.layout
    layout.actions.mkdir(parents=True, exist_ok=True)
    for identity, at in (("d" * 16, 1.0), ("e" * 16, time.time())):
        about = {"action": {"verb": "reset", "environment": "notebook"}, "host": "n1", "job": "7"}
        begin = {"kind": "begin", "at": at, "about": about}
        layout.journal(identity).write_text(json.dumps(begin) + "\n")
    results = {one["id"][0]: one["result"] for one in answered(settings, ask="list")["actions"]}
    assert results == {"d": "interrupted", "e": ""}


def test_twenty_actions_that_said_much_fit_into_an_answer(notebook: User, settings: Path) -> None:
    notebook.layout.actions.mkdir(parents=True, exist_ok=True)
    problem = {"code": "x", "msgid": "y" * 9000, "params": {"a": "z" * 9000}, "details": "w" * 20_000}
    end = {"kind": "end", "at": 2, "about": {"result": "failed", "problem": problem}}
    for n in range(40):
        begin = {"kind": "begin", "at": n, "about": {"action": {"verb": "reset", "environment": "notebook"}}}
        path = notebook.layout.journal(f"{n:016x}")
        path.write_text(json.dumps(begin) + "\n" + json.dumps(end) + "\n")
    assert len(answered(settings, ask="list")["actions"]) == 20


def test_an_answer_that_would_be_too_long_says_so(notebook: User, settings: Path) -> None:
    meta = notebook.prefix() / "conda-meta"
    for n in range(3000):
        (meta / f"package{n}-1-0.json").write_text("{}")
    reply = answered(settings, ask="packages", environment="notebook")
    assert reply["problem"]["code"] == "too-large"


def test_nothing_heavy_is_imported(settings: Path) -> None:
    program = (
        "import os, runpy, sys; sys.argv = ['run.py', '--site', sys.argv[1], 'answer'];"
        "os._exit = lambda code: print(sorted(sys.modules), file=sys.stderr);"
        f"runpy.run_path({str(RUN)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, settings],
        input=b'{"ask": "list"}',
        capture_output=True,
        timeout=60,
    )
    assert b"environments.found" in done.stderr, done.stderr
    for heavy in (b"'rattler'", b"'pydantic'", b"'rich'", b"'yaml'"):
        assert heavy not in done.stderr


def test_where_things_lie_is_what_the_site_says(settings: Path) -> None:
    environ = {"HPCHUB_ENVIRONMENTS": str(settings)}
    assert answers.layout_of(environ, "me") == site.load_site(settings).layout_of("me")
    assert Path(answers.DEFAULT_PATH) == site.DEFAULT_PATH
    assert site.Site().root == answers.DEFAULT_ROOT
    with pytest.raises(answers.Problem):
        answers.layout_of({"HPCHUB_ENVIRONMENTS": "/nonexistent"})


def test_only_the_users_own_names_are_environments() -> None:
    assert not found.NAME.fullmatch("..")
    assert not found.NAME.fullmatch(".hidden")
