"""What users and their programs are told about addresses and options is what the hub answers to."""

import re

from jupyterhub import apihandlers, handlers

from authenticator.pages import flow
from services.environments import api
from spawner import SlurmGPUSpawner
from spawner.options import Options
from spawner.presets import MOST
from tests.docs.pages import PAGES, ROOT, code, prose, read
from texts.catalogue import read_catalogue

USERS = ROOT / "docs" / "users.md"
ENVIRONMENTS = ROOT / "docs" / "environments.md"
# What is said with stress there, and stands on no page. Points of a list may begin with any words.
STRESSED = {
    "Delete and Bootstrap",
    "Everything outside of the environment's folder stays",
    "Is it the environment at all?",
    "Log out stops all your servers",
    "Save your work before the end",
}


def _section(title: str) -> str:
    return re.split(r"\n##+ ", read(USERS).split(f"# {title}\n", 1)[1])[0]


def test_options_of_a_link_are_those_that_a_start_takes() -> None:
    told = set(re.findall(r"`(\w+)`", _section("Presets and links").split("The options are")[1]))
    assert told - {"notebook", "lab"} == set(Options.model_fields)
    linked = set(re.findall(r"[?&](\w+)=", _section("Presets and links")))
    assert linked - {"preset"} <= set(Options.model_fields)


def test_number_of_presets_is_that_of_the_code() -> None:
    assert f"({MOST} at most)" in _section("Presets and links")


def test_buttons_and_fields_are_called_as_on_the_pages() -> None:
    texts = [message.id for message in read_catalogue("ko") if message.id]
    shown = {(text if isinstance(text, str) else text[0]).partition(":")[0] for text in texts}
    told = {
        found.rstrip(".:")
        for page in (USERS, ENVIRONMENTS)
        for found in re.findall(r"(?<!^- )\*\*([A-Z][^*\n]*)\*\*", prose(page), re.MULTILINE)
    }
    assert len(told & shown) > 20
    assert told - shown - STRESSED == set()


def test_addresses_that_are_named_are_answered() -> None:
    assert SlurmGPUSpawner, "its import puts our routes into the hub"
    patterns = [
        entry[0] for entry in (*apihandlers.default_handlers, *handlers.default_handlers, *flow.handlers())
    ]
    named = {
        address
        for page in PAGES
        for text in code(page)
        for address in re.findall(r"(?<![\w.])/hub(/(?:(?:api/)?hpchub/|otp\b)[a-z/]*)", text)
    }
    assert len(named) > 6
    unknown = [one for one in sorted(named) if not any(re.fullmatch(found, one) for found in patterns)]
    assert unknown == []


def test_requests_for_programs_are_those_of_the_service() -> None:
    rows = re.findall(r"^\| `[A-Z]+ (\S+)` \|", read(ROOT / "docs" / "environments-admin.md"), re.MULTILINE)
    named = {re.sub(r"^.*?/api/", "api/", row.partition("?")[0]) for row in rows}
    told = {name.replace("NAME", "notebook").replace("ID", "0123456789abcdef") for name in named}
    routes = {route for route, _handler in api.ROUTES if route != "api/.*"}
    assert {route for route in routes if any(re.fullmatch(route, name) for name in told)} == routes
    assert len(told) == len(routes)
