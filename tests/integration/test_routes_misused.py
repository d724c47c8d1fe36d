"""Our routes in the wrong hands, or in clumsy ones: a clear no, never a traceback, and nobody's data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from tests.centre import RunningCentre
from tests.conftest import leave_no_server
from tests.person import Login, Person

pytestmark = pytest.mark.centre

ANNA, RIVAL, ADMIN = "a1113a01", "a1113a02", "hpcadmin"
PAGES = (f"hpchub/log/{ANNA}", f"hpchub/stop/{ANNA}", f"hpchub/extend/{ANNA}")
FORMS = (*PAGES[1:], *(f"hpchub/presets/{act}" for act in ("new", "save", "delete")))
READ = ("api/hpchub/server", "api/hpchub/queues", "api/hpchub/expected?queue=jupyter&hours=1")
ACT = ("api/hpchub/server/extend", "api/hpchub/port")
OWN_PAGES = (*PAGES, "hpchub/presets", "hpchub/jobs", "hpchub/new")
LONG = "x" * 4000
NAMES = {
    "path": "..%2Fa1113a02",
    "dots": "%2E%2E",
    "slash": "a1113a01%2F",
    "server in the name": "a1113a01%2Fsecond",
    "unicode": "%EC%95%88%EB%82%98",
    "null": "a1113a01%00x",
    "line break": "a1113a01%0D%0ASet-Cookie:%20a=b",
    "markup": "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "percent": "%25s%25(name)s",
    "scope": "a1113a02!user=a1113a01",
    "long": LONG,
}


@dataclass
class Watched:
    """Anna's running server, its token, and all that nobody else may see of it."""

    anna: Person
    token: str
    secrets: tuple[str, ...]
    tokens: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def watched(centre: RunningCentre, login: Login) -> Iterator[Watched]:
    anna = login(ANNA)
    leave_no_server(anna)
    centre.cancel_all_jobs()
    anna.start(queue="jupyter", hours=1)
    anna.until("ready")
    facts = anna.api("GET", "hpchub/server").json()
    find = f"tr '\\0' '\\n' < /proc/$(pgrep -u {ANNA} -f singleuser/launch.py | head -1)/environ"
    lines = centre.run(["sh", "-c", find]).stdout.splitlines()
    variables = dict(line.split("=", 1) for line in lines if "=" in line)
    yield Watched(
        anna, variables["JUPYTERHUB_API_TOKEN"], (f"job {facts['job_id']}", facts["ends"], facts["node"])
    )
    anna.stop()


@pytest.fixture(autouse=True)
def unharmed(centre: RunningCentre, watched: Watched) -> Iterator[None]:
    """After whatever was tried the server runs, with the end it had, and the hub's log has no traceback."""
    before = len(centre.log("hub"))
    ends = watched.anna.api("GET", "hpchub/server").json()["ends"]
    yield
    now = watched.anna.api("GET", "hpchub/server").json()
    assert (now["state"], now["ends"]) == ("running", ends)
    log = centre.log("hub")[before:]
    # JupyterHub itself logs one for each form that it gives back.
    assert log.count("Traceback") == log.count("Error starting server"), log


def ask(centre: RunningCentre, method: str, path: str, **more: object) -> httpx.Response:
    """Ask without anything that a browser would send by itself."""
    with httpx.Client(timeout=30) as client:
        # Whatever stands in a path goes as it is.
        return client.request(method, f"{centre.url}hub/{path}", **more)  # type: ignore[arg-type]


def by_token(centre: RunningCentre, token: str, method: str, path: str, **more: object) -> httpx.Response:
    return ask(centre, method, path, headers={"Authorization": f"token {token}"}, **more)


def by_cookie(person: Person, method: str, path: str, **more: object) -> httpx.Response:
    """Ask as a page of the hub would not: with the cookies, and without the token against forgery."""
    return person.http.request(method, f"hub/{path}", follow_redirects=False, **more)  # type: ignore[arg-type]


def limited(person: Person, *scopes: str) -> str:
    """Make a token that may do this and nothing else."""
    made = person.api("POST", f"users/{person.name}/tokens", json={"note": "test", "scopes": list(scopes)})
    return str(made.json()["token"])


def refused(answer: httpx.Response, *statuses: int) -> None:
    """Check that an answer is one of these refusals, and in words."""
    said = (str(answer.request.url)[:120], answer.status_code, answer.text[:300])
    assert answer.status_code in statuses, said
    assert "Traceback" not in answer.text, said
    assert "alert(1)</script>" not in answer.text, said
    if "json" in answer.headers["content-type"]:
        assert len(answer.json()["message"]) > 8, said
    else:
        assert re.search(r"<h1>\s*\S+.*?</h1>", answer.text, re.DOTALL), said


class TestWithoutLogin:
    @pytest.mark.parametrize("path", OWN_PAGES)
    def test_a_page_leads_to_the_login(self, centre: RunningCentre, path: str) -> None:
        answer = ask(centre, "GET", path)
        assert answer.status_code == 302
        assert answer.headers["location"].startswith("/hub/login?next=")

    @pytest.mark.parametrize("path", FORMS)
    def test_a_form_is_refused(self, centre: RunningCentre, path: str) -> None:
        refused(ask(centre, "POST", path, data={"hours": "1", "name": "x"}), 403)

    @pytest.mark.parametrize("path", READ)
    def test_a_program_is_refused(self, centre: RunningCentre, path: str) -> None:
        refused(ask(centre, "GET", path), 403)
        refused(by_token(centre, "nonsense", "GET", path), 403)

    @pytest.mark.parametrize("path", ACT)
    @pytest.mark.parametrize("body", [b'{"hours": 1}', b"{", b""])
    def test_an_act_is_refused_whatever_it_says(self, centre: RunningCentre, path: str, body: bytes) -> None:
        refused(ask(centre, "POST", path, content=body), 403)
        refused(by_token(centre, "nonsense", "POST", path, content=body), 403)


class TestAnotherUser:
    @pytest.mark.parametrize("path", PAGES)
    def test_sees_and_does_nothing(self, watched: Watched, login: Login, path: str) -> None:
        rival = login(RIVAL)
        answers = [rival.get(f"hub/{path}"), rival.post(f"hub/{path}", {"hours": "1"})]
        refused(answers[0], 404)
        refused(answers[1], *((405,) if "/log/" in path else (404,)))
        assert not any(secret in answer.text for answer in answers for secret in watched.secrets)

    def test_is_told_the_same_of_what_is_there_and_of_what_is_not(
        self, watched: Watched, login: Login
    ) -> None:
        rival = login(RIVAL)
        for path in ("hpchub/server?user=", "hpchub/server?server=x&user="):
            there, absent = (rival.api("GET", path + name) for name in (ANNA, "nobody"))
            refused(there, 404)
            assert there.json() == absent.json()
        told = [
            rival.api("POST", "hpchub/server/extend", json={"hours": 1, "user": name})
            for name in (ANNA, "nobody")
        ]
        refused(told[0], 404)
        assert told[0].json() == told[1].json()

    def test_learns_nothing_from_the_figures(self, watched: Watched, login: Login) -> None:
        rival = login(RIVAL)
        for path in ("hpchub/queues", "hpchub/expected?queue=jupyter&hours=1"):
            answer = rival.api("GET", path)
            assert answer.status_code == 200
            assert not any(text in answer.text for text in (ANNA, *watched.secrets))

    def test_is_no_administrator(self, watched: Watched, login: Login) -> None:
        refused(login(RIVAL).get("hub/hpchub/jobs"), 403)


class TestTokens:
    @pytest.mark.parametrize("path", [*OWN_PAGES, "home"])
    def test_a_page_takes_no_token(self, centre: RunningCentre, watched: Watched, path: str) -> None:
        assert by_token(centre, watched.token, "GET", path).status_code == 302

    def test_a_token_that_may_read_its_users_name_gets_nothing_else(
        self, centre: RunningCentre, watched: Watched
    ) -> None:
        token = limited(watched.anna, "read:users:name!user")
        refused(by_token(centre, token, "GET", READ[0]), 404)
        for path in READ[1:]:
            refused(by_token(centre, token, "GET", path), 403)
        refused(by_token(centre, token, "POST", ACT[0], json={"hours": 1}), 404)
        refused(by_token(centre, token, "POST", ACT[1], json={"port": 40123}), 404)

    def test_a_token_for_one_server_tells_nothing_of_another(
        self, centre: RunningCentre, watched: Watched
    ) -> None:
        token = limited(watched.anna, f"read:servers!server={ANNA}/second")
        refused(by_token(centre, token, "GET", READ[0]), 404)
        refused(by_token(centre, token, "GET", f"{READ[0]}?server=second"), 404)

    def test_a_servers_own_token_reads_its_facts_and_does_nothing(
        self, centre: RunningCentre, watched: Watched
    ) -> None:
        assert by_token(centre, watched.token, "GET", READ[0]).status_code == 200
        for path in READ[1:]:
            refused(by_token(centre, watched.token, "GET", path), 403)
        refused(by_token(centre, watched.token, "POST", ACT[0], json={"hours": 1}), 404)
        refused(by_token(centre, watched.token, "POST", ACT[1], json={"port": 40123}), 409)


class TestFromAnotherSite:
    @pytest.mark.parametrize("path", FORMS)
    @pytest.mark.parametrize("token", ["", "nonsense", "%FF", "안"])
    def test_a_form_without_its_token_does_nothing(self, watched: Watched, path: str, token: str) -> None:
        headers = {"Origin": "https://evil.example", "Referer": "https://evil.example/"}
        form = {"hours": "1", "name": "x", **({"_xsrf": token} if token else {})}
        refused(by_cookie(watched.anna, "POST", path, data=form, headers=headers), 403)

    def test_the_token_of_another_user_does_nothing(self, watched: Watched, login: Login) -> None:
        for path in FORMS:
            form = {"hours": "1", "name": "x", "_xsrf": login(RIVAL).xsrf}
            refused(by_cookie(watched.anna, "POST", path, data=form), 403)

    @pytest.mark.parametrize("path", READ)
    def test_a_script_reads_nothing(self, watched: Watched, path: str) -> None:
        headers = {
            "Origin": "https://evil.example",
            "Sec-Fetch-Mode": "cors",
            "Sec-Fetch-Site": "cross-site",
        }
        answer = by_cookie(watched.anna, "GET", path, headers=headers)
        refused(answer, 403)
        assert "access-control-allow-origin" not in answer.headers

    def test_a_form_cannot_pass_for_a_program(self, watched: Watched) -> None:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            for token in ({}, {"X-XSRFToken": watched.anna.xsrf}):
                answer = by_cookie(
                    watched.anna,
                    "POST",
                    ACT[0],
                    content=b'{"hours": 1}',
                    headers={"Content-Type": kind, "Origin": "https://evil.example", **token},
                )
                refused(answer, 400, 403)
        watched.anna.get("hub/home")  # a new token against forgery, for the hub has taken the old one away


class TestClumsy:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            *(("POST", path) for path in READ),
            *(("GET", path) for path in ACT),
            *((method, path) for method in ("PUT", "PATCH", "DELETE") for path in (*READ, *ACT, *OWN_PAGES)),
            ("POST", "hpchub/jobs"),
            ("POST", "hpchub/presets"),
            ("POST", PAGES[0]),
        ],
    )
    def test_wrong_method_is_named_so(self, watched: Watched, method: str, path: str) -> None:
        headers = {"X-XSRFToken": watched.anna.xsrf}
        answer = by_cookie(watched.anna, method, path, headers=headers)
        refused(answer, 405)
        if path.startswith("api/"):
            assert answer.headers["allow"] in ("GET", "POST")
            assert f"takes {answer.headers['allow']}, not {method}" in answer.json()["message"]

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"\xff\xfe",
            b"null",
            b"[]",
            b'"1"',
            b"[" * 5000,
            b'{"hours": NaN}',
            b'{"hours": 1e400}',
            b'{"hours": ' + b"9" * 5000 + b"}",
            b'{"hours": 0}',
            b'{"hours": -1}',
            b'{"hours": 1.5}',
            b'{"hours": true}',
            b'{"hours": "1"}',
            b'{"hours": null}',
            b'{"hours": 1, "minutes": 1}',
            b'{"hours": 1, "user": null}',
            b'{"hours": 1, "server": ["x"]}',
            b'{"hours": 1, "user": "\\ud800"}',
        ],
        ids=lambda body: repr(body[:30]),
    )
    def test_a_body_that_says_no_number_of_hours_is_refused(
        self, centre: RunningCentre, watched: Watched, body: bytes
    ) -> None:
        answer = watched.anna.api(
            "POST", "hpchub/server/extend", content=body, headers={"Content-Type": "application/json"}
        )
        refused(answer, 400)
        refused(by_token(centre, watched.token, "POST", ACT[1], content=body), 400)

    def test_a_body_that_is_far_too_long_is_not_read(self, centre: RunningCentre, watched: Watched) -> None:
        body = b'{"hours": 1, "' + b"x" * 2_000_000 + b'": 1}'
        headers = {"Content-Type": "application/json"}
        refused(watched.anna.api("POST", "hpchub/server/extend", content=body, headers=headers), 413)
        refused(by_token(centre, watched.token, "POST", ACT[1], content=body), 413)

    @pytest.mark.parametrize(
        "hours", ["", "0", "-1", "1.5", "١", "1e3", "0x1", "9" * 4000, "<script>", "99999"]
    )
    def test_a_form_with_odd_hours_shows_the_page_again(self, watched: Watched, hours: str) -> None:
        answer = watched.anna.post(f"hub/{PAGES[2]}", {"hours": hours})
        refused(answer, 400, 409)
        assert watched.anna.alert(answer)

    @pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
    @pytest.mark.parametrize("who", [RIVAL, ADMIN])
    def test_odd_names_in_an_address_are_not_found(
        self, watched: Watched, login: Login, who: str, name: str
    ) -> None:
        person = login(who)
        for page in ("log", "stop", "extend"):
            for address in (name, f"{ANNA}/{name}", f"{who}/{name}"):
                answer = by_cookie(person, "GET", f"hpchub/{page}/{address}")
                refused(answer, 400, 404)
                assert "a" not in answer.cookies
        for query in (f"user={name}", f"server={name}", f"user={ANNA}&server={name}"):
            refused(person.api("GET", f"hpchub/server?{query}"), 400, 404)

    @pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
    def test_an_odd_name_for_a_new_server_leads_to_no_other_place(self, login: Login, name: str) -> None:
        answer = by_cookie(login(RIVAL), "GET", f"hpchub/new?name={name}")
        assert answer.status_code == 303
        assert re.match(r"/hub/spawn/a1113a02/[\w%.~-]+$", answer.headers["location"])
        assert "a" not in answer.cookies
        page = login(RIVAL).get(answer.headers["location"])
        # Two dots are the folder above, where the form for the first server is.
        assert page.url.path == "/hub/spawn" or page.status_code in (400, 404)

    @pytest.mark.parametrize("name", [*NAMES.values(), "\x00", ""], ids=ascii)
    def test_odd_names_in_a_body_are_not_found(self, watched: Watched, login: Login, name: str) -> None:
        for who in (RIVAL, ADMIN):
            for more in ({"user": name}, {"user": name, "server": name}):
                body = json.dumps({"hours": 1, **more})
                answer = login(who).api("POST", "hpchub/server/extend", content=body)
                refused(answer, 404)

    @pytest.mark.parametrize(
        "query",
        ["uid=0", "queue=jupyter&queue=jupyter", "%FF=1", "preset=x", "hours=1&token=x"],
    )
    def test_what_is_no_choice_is_refused(self, watched: Watched, query: str) -> None:
        refused(watched.anna.api("GET", f"hpchub/expected?{query}"), 400, 403)

    @pytest.mark.parametrize(
        "choice",
        [
            "hours=-1",
            "hours=%C2%B2",
            "hours=" + "9" * 5000,
            "queue=%00",
            "gpus=%EF%BC%91",
            "qos=%27",
        ],
        ids=lambda choice: choice[:12],
    )
    def test_an_odd_choice_in_a_link_is_shown_or_dropped(self, login: Login, choice: str) -> None:
        rival = login(RIVAL)
        for query in (choice, f"queue=jupyter&{choice}", f"queue=cas_v100_2&hours=2&{choice}"):
            assert rival.get(f"hub/spawn?{query}").status_code == 200
            answer = rival.api("GET", f"hpchub/expected?{query}")
            if answer.status_code != 200:
                refused(answer, 400)

    def test_what_is_no_utf_8_is_the_senders_mistake(self, login: Login) -> None:
        rival = login(RIVAL)
        refused(rival.get("hub/spawn?queue=%FF"), 400)
        for path in ("hub/spawn", "hub/hpchub/presets/new", "hub/hpchub/presets/save"):
            body = f"_xsrf={rival.xsrf}&name=x&hours=1&queue=%FF"
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            refused(rival.http.post(path, content=body, headers=headers), 400)

    @pytest.mark.parametrize(
        "hours", ["²", "１", "9" * 5000, "-1", "1e3"], ids=lambda hours: ascii(hours[:9])
    )
    def test_odd_hours_in_the_form_bring_it_back_and_it_opens_again(self, login: Login, hours: str) -> None:
        rival = login(RIVAL)
        answer = rival.submit(queue="jupyter", hours=hours)
        refused(answer, 400)
        assert "must be a whole number" in answer.text
        assert rival.start(queue="jupyter", hours=hours).status_code == 400
        assert rival.get("hub/spawn").status_code == rival.get("hub/home").status_code == 200

    @pytest.mark.parametrize("query", ["token=%FF", "token=x", "_xsrf=%FF", "lang=%00"])
    def test_odd_query_of_the_figures_is_no_error_of_the_hub(self, watched: Watched, query: str) -> None:
        for _time in range(2):
            answer = watched.anna.api("GET", f"hpchub/queues?{query}")
            if answer.status_code != 200:
                refused(answer, 400, 403)


class TestTimeLeftInTheNotebook:
    """The route of the notebook server itself, which its own pages ask how long the job still runs."""

    @pytest.mark.parametrize(
        "path", ["hpchub/time", "hpchub/time?token=nonsense", "hpchub/time?user=a1113a02"]
    )
    def test_is_told_to_nobody_else(
        self, centre: RunningCentre, watched: Watched, login: Login, path: str
    ) -> None:
        url = f"{centre.url}user/{ANNA}/{path}"
        theirs = limited(login(RIVAL))
        answers = [
            httpx.get(url, timeout=60),
            httpx.get(url, headers={"Authorization": f"token {theirs}"}, timeout=60),
            login(RIVAL).http.get(url, follow_redirects=False),
        ]
        for answer in answers:
            assert answer.status_code in (403, 404), answer.text[:300]
            assert "access-control-allow-origin" not in answer.headers
            assert not any(secret in answer.text for secret in watched.secrets)

    def test_is_told_to_its_user_as_data_that_nobody_keeps(
        self, centre: RunningCentre, watched: Watched
    ) -> None:
        token = limited(watched.anna, f"access:servers!server={ANNA}/")
        headers = {"Authorization": f"token {token}", "Cookie": "hpchub-lang=<script>alert(1)</script>"}
        answer = httpx.get(f"{centre.url}user/{ANNA}/hpchub/time", headers=headers, timeout=30)
        assert answer.status_code == 200
        assert answer.json()["seconds_left"] > 0
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
    def test_takes_nothing(self, centre: RunningCentre, watched: Watched, method: str) -> None:
        token = limited(watched.anna, f"access:servers!server={ANNA}/")
        headers = {"Authorization": f"token {token}"}
        answer = httpx.request(method, f"{centre.url}user/{ANNA}/hpchub/time", headers=headers, timeout=60)
        assert answer.status_code == 405
        assert "Traceback" not in answer.text


class TestNothingIsKept:
    """A log-out is the end: neither Back nor a proxy shows a page that was somebody's."""

    @pytest.mark.parametrize(
        "path",
        [
            *(
                "hub/home",
                "hub/spawn",
                "hub/token",
                "hub/otp",
                "hub/nosuch",
                "hub/login",
                "hub/spawn-pending/a1113a02",
            ),
            *(f"hub/{path}" for path in (*OWN_PAGES, *READ, *ACT, "api/users/a1113a02", "api/user")),
        ],
    )
    def test_no_page_is_stored(self, login: Login, path: str) -> None:
        answer = login(RIVAL).http.get(path, follow_redirects=False)
        assert answer.headers["cache-control"] == "no-store"

    def test_scripts_and_styles_are_stored(self, login: Login) -> None:
        rival = login(RIVAL)
        found = re.search(r'src="/(hub/hpchub-static/page\.js\?v=\w+)"', rival.get("hub/home").text)
        assert found
        assert "no-store" not in rival.get(found[1]).headers.get("cache-control", "")


class TestPresets:
    @pytest.mark.parametrize(
        "form",
        [
            {},
            {"queue": "nosuch", "hours": "1"},
            {"queue": "jupyter", "hours": "x"},
            {"queue": "jupyter", "hours": "²"},
            {"queue": "jupyter", "hours": "9" * 5000},
            {"queue": "jupyter", "hours": "1", "name": ""},
            {"queue": "jupyter", "hours": "1", "name": "x" * 1_000_000},
            {"queue": "jupyter", "hours": "1", "name": "\u202e"},
            {"queue": "jupyter", "hours": ["1", "2"], "name": "x"},
            {"queue": "<script>alert(1)</script>", "hours": "1", "name": "<script>alert(1)</script>"},
        ],
        ids=lambda form: ascii(form)[:40],
    )
    def test_what_cannot_be_kept_is_not_kept(self, watched: Watched, form: dict[str, object]) -> None:
        answer = watched.anna.post("hub/hpchub/presets/save", form)
        refused(answer, 400)
        assert watched.anna.alert(answer)
        assert "You have no presets" in watched.anna.get("hub/hpchub/presets").text

    @pytest.mark.parametrize(
        "page",
        [
            "https://evil.example/hub/spawn",
            "//evil.example/hub/spawn",
            "/hub/spawn/../../evil",
            "/hub/spawn\r\nSet-Cookie: a=b",
            "/hub/spawn\x7f",
            "/hub/spawn\\evil",
            "/hub/spawner",
            "/hub/spawn?x=1",
            "/hub/spawn#x",
            "/hub/spawn/%EC%95%88",
            "/hub/spawn/a1113a01/second",
            "javascript:alert(1)",
        ],
        ids=ascii,
    )
    def test_keeping_one_leads_nowhere_but_to_the_form(self, watched: Watched, page: str) -> None:
        form = {"queue": "jupyter", "hours": "1", "name": "x", "page": page, "_xsrf": watched.anna.xsrf}
        answer = by_cookie(watched.anna, "POST", "hpchub/presets/save", data=form)
        assert answer.status_code == 303
        assert re.match(r"/hub/spawn(/[^/?#]+)*\?preset=x$", answer.headers["location"]), answer.headers
        assert "a" not in answer.cookies
        watched.anna.post("hub/hpchub/presets/delete", {"name": "x"})

    @pytest.mark.parametrize(
        "name", ["nosuch", "", "<script>alert(1)</script>", "x" * 100_000, "\u202e"], ids=ascii
    )
    def test_what_is_not_there_cannot_be_deleted(self, watched: Watched, name: str) -> None:
        refused(watched.anna.post("hub/hpchub/presets/delete", {"name": name}), 404)

    def test_nobody_deletes_or_sees_anothers(self, watched: Watched, login: Login) -> None:
        watched.anna.post("hub/hpchub/presets/save", {"queue": "jupyter", "hours": "1", "name": "mine only"})
        refused(login(RIVAL).post("hub/hpchub/presets/delete", {"name": "mine only"}), 404)
        assert "mine only" not in login(RIVAL).get("hub/spawn").text
        assert "mine only" in watched.anna.get("hub/hpchub/presets").text
        watched.anna.post("hub/hpchub/presets/delete", {"name": "mine only"})
