"""What a server is started from: the words for it, the menu, the helper's answers, the command."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from environments.site import Site
from queues.policy import Queue, parse_policy
from slurm.errors import SlurmUnavailable
from slurm.records import Sentence
from spawner.endings import explain_end
from spawner.entering import server_command, variables
from spawner.menu import Menu, menu_of
from spawner.options import Options, OptionsError, Request, Standing, parse, resolve
from spawner.own_environments import Own, OwnEnvironments
from spawner.presets import Presets
from spawner.settling import settled
from spawner.source import check_source, source_of, titled
from spawner.ticket import Ticket
from tests.spawner.scripted import job

POLICY = parse_policy('[[queues]]\nname = "jupyter"\nkind = "shared"\nslots_per_node = 10\nmax_hours = 4\n')
QUEUE = Queue(name="jupyter", kind="shared", slots_per_node=10, max_hours=4)
LOG = logging.getLogger("test")
NOTEBOOK = Own("notebook", server=True, python="3.11")


def site(**more: Any) -> Site:
    words: dict[str, Any] = {
        "shared": [{"name": "base", "title": "Base", "title_ko": "기본", "prefix": "/apps/base"}],
        "runtimes": {
            "ch": {"command": ("ch-run", "{binds}", "{image}", "--", "{command}"), "bind": ("-b", "{path}")}
        },
        "images": [{"name": "class", "runtime": "ch", "path": "/images/class", "queues": ("jupyter",)}],
    }
    return Site(**{**words, **more})


class TestOption:
    @pytest.mark.parametrize("text", ["site", "own:notebook", "shared:a.b-c_d", "image:X", None])
    def test_each_kind_is_understood(self, text: str | None) -> None:
        raw = {} if text is None else {"environment": text}
        assert parse(raw, POLICY).environment == text

    @pytest.mark.parametrize(
        "text",
        [
            "own:",
            "own",
            "site:x",
            "own:../x",
            "own:a/b",
            "own:a b",
            "own:.x",
            "OWN:x",
            "own:x\n",
            f"own:{'x' * 41}",
            "",
        ],
    )
    def test_anything_else_is_refused_with_what_would_do(self, text: str) -> None:
        with pytest.raises(OptionsError, match="“own:NAME”"):
            parse({"environment": text}, POLICY)
        assert source_of(text) is None

    def test_what_was_saved_before_there_was_the_field_stays_valid(self) -> None:
        old = {"queue": "jupyter", "interface": "lab", "hours": 3}
        assert Options.model_validate(old).environment is None
        assert Presets.from_state({"mine": old}).get("mine") == old
        assert Ticket.from_state({"name": "hpchub/u/default/1"}).environment == ""

    def test_a_site_without_environments_takes_its_own_python_and_nothing_else(self) -> None:
        def asked(text: str) -> Request:
            standing = Standing("u", frozenset(), None)
            return resolve(Options(queue="jupyter", environment=text), POLICY, {}, standing)

        assert asked("site").environment == "site"
        with pytest.raises(OptionsError, match="no environments to choose from"):
            asked("own:notebook")

    def test_what_the_site_does_not_offer_is_named_with_what_it_does(self) -> None:
        assert check_source("shared:base", site(), QUEUE) is None
        assert check_source("own:any", site(), QUEUE) is None
        assert "it has: base" in str(check_source("shared:gone", site(), QUEUE))
        assert "it has: class" in str(check_source("image:gone", site(), QUEUE))
        other = Queue(name="big", kind="exclusive", max_hours=4)
        assert "these queues only: jupyter" in str(check_source("image:class", site(), other))
        assert check_source("site", site(without="offer"), QUEUE) is None
        assert "Make one" in str(check_source("site", site(without="require"), QUEUE))

    def test_it_has_a_name_for_people(self) -> None:
        words = {text: titled(text, site()) for text in ("site", "own:mine", "shared:base", "shared:gone")}
        assert {text: one.title_in("en") for text, one in words.items() if one} == {
            "site": "the site's own",
            "own:mine": "mine",
            "shared:base": "Base",
            "shared:gone": "gone",
        }
        assert (titled("", site()), titled("own:mine", None)) == (None, None)


class TestMenu:
    def menu(self, own: tuple[Own, ...] | None, wanted: str | None = None, **more: Any) -> Menu:
        found = menu_of(site(**more), own, wanted, "en")
        assert found is not None
        return found

    def values(self, menu: Menu) -> list[str]:
        return [one.value for group in menu.groups for one in group.entries]

    def test_there_is_none_where_there_is_no_choice(self) -> None:
        assert menu_of(None, (NOTEBOOK,), "own:notebook", "en") is None

    def test_own_ones_that_can_serve_come_first_and_the_usual_one_is_chosen(self) -> None:
        own = (Own("a", server=True), Own("kernels", server=False), NOTEBOOK)
        menu = self.menu(own)
        assert self.values(menu) == ["own:a", "own:notebook", "shared:base", "site", "image:class"]
        assert (menu.chosen, menu.notices, menu.first) == ("own:notebook", (), False)

    def test_what_was_used_last_is_chosen_while_it_can_be_had(self) -> None:
        assert self.menu((NOTEBOOK,), "shared:base").chosen == "shared:base"
        gone = self.menu((NOTEBOOK,), "own:gone")
        assert gone.chosen == "own:notebook"
        assert "“gone” cannot be had" in str(gone.notices[0])

    def test_somebody_without_any_is_offered_bootstrap_and_may_start_all_the_same(self) -> None:
        menu = self.menu(())
        assert (menu.chosen, menu.first) == ("site", True)
        assert "no environment of your own yet" in str(menu.notices[0])

    def test_where_one_is_required_the_sites_own_is_not_offered(self) -> None:
        menu = self.menu((), without="require", shared=[], images=[])
        assert (menu.groups, menu.chosen, menu.first) == ((), "", True)
        assert "you have none yet" in str(menu.notices[0])

    def test_where_one_is_required_the_sites_others_may_be_chosen_and_none_is(self) -> None:
        menu = self.menu((), without="require")
        assert self.values(menu) == ["", "shared:base", "image:class"]
        assert (menu.chosen, menu.required, menu.first) == ("", True, True)
        assert "choose one of those below" in str(menu.notices[0])
        assert self.menu((), "shared:base", without="require").chosen == "shared:base"
        usual = self.menu((NOTEBOOK,), without="require")
        assert (usual.chosen, usual.required) == ("own:notebook", False)
        assert not self.menu((), without="offer").required
        changing = self.menu((Own("notebook", server=True, busy=True),), without="require")
        assert (changing.chosen, changing.required) == ("", True)

    def test_one_that_is_being_changed_is_shown_and_not_chosen(self) -> None:
        menu = self.menu((Own("notebook", server=True, busy=True),), "own:notebook")
        entry = menu.groups[0].entries[0]
        assert (entry.title, entry.closed, menu.chosen) == ("notebook (being changed)", True, "site")

    def test_who_waits_for_the_first_one_is_not_told_that_there_is_none(self) -> None:
        menu = self.menu((Own("notebook", server=False, busy=True, making=True),))
        entry = menu.groups[0].entries[0]
        assert (entry.title, entry.closed) == ("notebook (being made)", True)
        assert (menu.chosen, menu.first) == ("site", False)
        assert [str(one) for one in menu.notices] == [
            "Your environment “notebook” is being made; you can start from it as soon as that is done."
        ]

    def test_that_there_may_be_more_than_are_shown_is_said(self) -> None:
        own = tuple(Own(f"x{number}", server=True) for number in range(199))
        assert self.menu((*own, NOTEBOOK)).notices == (
            Sentence("Of your environments %(n)d are shown here at the most.", {"n": 200}),
        )
        assert self.menu((*own[1:], NOTEBOOK)).notices == ()

    def test_a_broken_usual_one_is_told(self) -> None:
        assert "Reset makes it anew" in str(self.menu((Own("notebook", server=False),)).notices[0])

    def test_without_an_answer_the_last_one_can_still_be_chosen(self) -> None:
        menu = self.menu(None, "own:mine")
        assert self.values(menu)[:2] == ["", "own:mine"]
        assert (menu.chosen, menu.first) == ("own:mine", False)
        assert self.menu(None).chosen == ""


class Helper:
    """Answers as the helper does, or not at all while `down`; hangs while `open` is not set."""

    def __init__(self, *listed: Mapping[str, Any], **more: Any) -> None:
        self.answer: dict[str, Any] = {"environments": list(listed), **more}
        self.down = False
        self.open = asyncio.Event()
        self.open.set()
        self.questions: list[Mapping[str, Any]] = []

    async def ask_environments(self, question: Mapping[str, Any]) -> dict[str, Any]:
        self.questions.append(question)
        await self.open.wait()
        if self.down:
            raise SlurmUnavailable("hpchub-as-user", None, "did not answer")
        return self.answer


class TestHelper:
    async def test_an_answer_counts_for_a_moment_and_is_asked_for_once(self) -> None:
        helper, desk = Helper({"name": "notebook", "server": True, "python": "3.11"}), OwnEnvironments(LOG)
        both = await asyncio.gather(desk.of(helper, "u", 5), desk.of(helper, "u", 5))
        assert both == [(NOTEBOOK,), (NOTEBOOK,)]
        assert len(helper.questions) == 1
        desk.forget("u")
        await desk.of(helper, "u", 5)
        assert len(helper.questions) == 2

    async def test_an_old_answer_is_asked_for_again(self) -> None:
        helper, desk = Helper(), OwnEnvironments(LOG, fresh=0)
        await desk.of(helper, "u", 5)
        await desk.of(helper, "u", 5)
        assert len(helper.questions) == 2

    @pytest.mark.parametrize("busy", [True, False])
    async def test_who_has_just_made_one_sees_it(self, busy: bool) -> None:
        helper = Helper(*[{"name": "notebook", "server": True, "busy": True}] if busy else [])
        desk = OwnEnvironments(LOG, brief=0)
        await desk.of(helper, "u", 5)
        helper.answer = {"environments": [{"name": "notebook", "server": True, "python": "3.11"}]}
        for _ in range(3):
            assert await desk.of(helper, "u", 5) == (NOTEBOOK,)
        assert len(helper.questions) == 2

    async def test_a_page_does_not_wait_for_long_and_the_next_has_the_answer(self) -> None:
        helper, desk = Helper({"name": "notebook", "server": True, "python": "3.11"}), OwnEnvironments(LOG)
        helper.open.clear()
        assert await desk.of(helper, "u", 0.01) is None
        helper.open.set()
        assert await desk.of(helper, "u", 5) == (NOTEBOOK,)
        assert len(helper.questions) == 1

    async def test_no_answer_is_not_remembered(self) -> None:
        helper, desk = Helper(), OwnEnvironments(LOG)
        helper.down = True
        assert await desk.of(helper, "u", 5) is None
        helper.down = False
        assert await desk.of(helper, "u", 5) == ()

    async def test_what_is_unsound_in_an_answer_is_left_out(self) -> None:
        odd: list[Any] = [
            {"name": "../x", "server": True},
            {"name": 7},
            "x",
            None,
            {"name": "ok", "server": "yes"},
        ]
        assert await OwnEnvironments(LOG).of(Helper(*odd), "u", 5) == (Own("ok", server=False),)
        assert await OwnEnvironments(LOG).of(Helper(environments="all"), "u", 5) is None
        assert await OwnEnvironments(LOG).of(Helper(environments=[{"name": "x"}] * 9999), "u", 5) is not None

    async def test_one_that_is_being_made_is_known_before_it_is_there(self) -> None:
        actions = [
            {"verb": "bootstrap", "environment": "new", "result": ""},
            {"verb": "bootstrap", "environment": "new", "result": ""},
            {"verb": "reset", "environment": "lost", "result": ""},
            {"verb": "import", "environment": "failed", "result": "failed"},
            {"verb": "clone", "environment": "../x", "result": ""},
            {"verb": "clone", "environment": "ok", "result": ""},
            {"verb": ["clone"], "environment": 7},
            "x",
        ]
        there = [{"name": "ok", "server": True}]
        found = await OwnEnvironments(LOG).of(Helper(environments=there, actions=actions), "u", 5)
        assert found == (Own("ok", server=True), Own("new", server=False, busy=True, making=True))
        assert await OwnEnvironments(LOG).of(Helper(environments=[], actions="all"), "u", 5) == ()


def spawner(helper: Helper, of: Site | None, environment: str = "") -> Any:
    """What a start needs of a spawner."""
    desk = OwnEnvironments(LOG)
    return SimpleNamespace(
        shared=lambda: SimpleNamespace(site=of, environments=desk),
        acts=helper,
        user=SimpleNamespace(name="anna"),
        user_home=Path("/home/anna"),
        ticket=Ticket(environment=environment),
        environments_file="/etc/hpchub/environments.toml",
        launcher="/opt/hpchub/singleuser/launch.py",
        notebook_python="/opt/python",
        workspace="/scratch/{username}/workspace",
        format_string=lambda text: text.replace("{username}", "anna"),
        get_args=lambda: ["--debug"],
    )


def request(environment: str = "") -> Request:
    return Request(QUEUE, "lab", 1, None, None, environment=environment)


async def refusal(helper: Helper, of: Site, environment: str) -> str:
    with pytest.raises(OptionsError) as refused:
        await settled(spawner(helper, of), request(environment))
    assert refused.value.field == "environment"
    return str(refused.value.sentence)


class TestStart:
    async def chosen(self, helper: Helper, of: Site | None, environment: str = "") -> str:
        return (await settled(spawner(helper, of), request(environment))).environment

    async def test_who_has_not_chosen_gets_his_usual_one_or_the_sites(self) -> None:
        assert await self.chosen(Helper(python="/x/bin/python", server=True), site()) == "own:notebook"
        assert await self.chosen(Helper(python=None, server=False), site()) == "site"
        assert await self.chosen(Helper(), None) == ""

    async def test_where_one_is_required_nobody_starts_without(self) -> None:
        strict = site(without="require")
        assert "Press Bootstrap" in await refusal(Helper(python=None, server=False), strict, "")
        assert "it is broken" in await refusal(Helper(python="/x/bin/python", server=False), strict, "")

    async def test_an_own_one_that_cannot_serve_is_refused(self) -> None:
        assert "no environment “x” any more" in await refusal(
            Helper(python=None, server=False), site(), "own:x"
        )
        assert "it is broken" in await refusal(Helper(python="/p", server=False), site(), "own:x")
        assert "being changed" in await refusal(Helper(python="/p", server=True, busy="1f"), site(), "own:x")

    async def test_the_usual_one_is_not_taken_while_it_is_being_changed(self) -> None:
        busy = Helper(python="/p", server=True, busy="1f")
        assert await self.chosen(busy, site()) == "site"
        assert "being changed" in await refusal(busy, site(without="require"), "")

    async def test_after_a_refusal_the_menu_is_asked_for_anew(self) -> None:
        helper = Helper({"name": "x", "server": True, "python": "3.11"}, python="/p", server=False)
        start = spawner(helper, site())
        desk = start.shared().environments
        await desk.of(helper, "anna", 5)
        with pytest.raises(OptionsError):
            await settled(start, request("own:x"))
        helper.answer = {"environments": [{"name": "y", "server": True}]}
        assert [one.name for one in await desk.of(helper, "anna", 5) or ()] == ["y"]

    async def test_without_an_answer_nobody_is_refused(self) -> None:
        helper = Helper(problem={"code": "unreadable"})
        assert await self.chosen(helper, site(), "own:x") == "own:x"
        helper.down = True
        assert await self.chosen(helper, site(), "own:x") == "own:x"
        assert await self.chosen(helper, site(without="require")) == "own:notebook"

    async def test_what_is_not_the_users_own_is_not_asked_for(self) -> None:
        helper = Helper()
        for text in ("site", "shared:base"):
            assert await self.chosen(helper, site(), text) == text
        assert helper.questions == []


class TestCommand:
    def words(self, environment: str, of: Site | None = None) -> list[str]:
        return server_command(spawner(Helper(), of), request(environment))

    def test_without_environments_all_is_as_it_was(self) -> None:
        assert self.words("") == ["/opt/python", "/opt/hpchub/singleuser/launch.py", "--debug"]
        assert variables(spawner(Helper(), None)) == {}

    def test_own_and_shared_ones_are_entered_when_the_job_starts(self) -> None:
        folder = "/opt/hpchub/singleuser"
        rest = ["/bin/bash", f"{folder}/start.sh", "@python@", f"{folder}/launch.py", "--debug"]
        enter = ["/bin/bash", f"{folder}/enter.sh", "--server"]
        assert self.words("own:x", site()) == [*enter, "x", "/scratch/anna/.conda/envs/x", *rest]
        assert self.words("shared:base", site()) == [*enter, "base", "/apps/base", *rest]

    def test_the_sites_own_python_runs_hooks_as_well(self) -> None:
        assert self.words("site", site())[1:3] == ["/opt/hpchub/singleuser/start.sh", "/opt/python"]

    def test_an_image_has_the_folders_that_a_server_needs(self) -> None:
        words = self.words("image:class", site())
        bound = [words[place + 1] for place, word in enumerate(words) if word == "-b"]
        assert bound == ["/home/anna", "/scratch/anna/workspace", "/opt/hpchub"]

    def test_the_server_is_told_where_kernels_are(self) -> None:
        told = variables(spawner(Helper(), site(), "own:x"))
        assert told["HPCHUB_ENVIRONMENT"] == "own:x"
        folders = {"own": "/scratch/anna/.conda/envs", "shared": {"base": "/apps/base"}}
        assert json.loads(told["HPCHUB_ENV_FOLDERS"]) == folders


class TestEnd:
    def end(self, exit_code: str, environment: str) -> Sentence:
        return explain_end("7", job("FAILED", exit_code=exit_code), environment)

    def test_an_environment_that_could_not_serve_is_told_in_words(self) -> None:
        assert "from the environment “mine”: it is gone, or broken" in str(self.end("66", "own:mine"))
        assert str(self.end("1", "own:mine")) == "Job 7 failed (exit code 1)."
        assert str(self.end("66", "site")) == "Job 7 failed (exit code 66)."
        assert str(self.end("66", "")) == "Job 7 failed (exit code 66)."


def test_the_hub_does_not_load_what_makes_environments() -> None:
    program = "import sys, spawner; print([name for name in sys.modules if name.startswith('rattler')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
