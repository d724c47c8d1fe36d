"""The login form of a real hub: what is sent, as bytes, and what comes back."""

import html
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes, urlencode

import httpx
import pytest

import authenticator.answers as words
import texts
from authenticator.keys import load_keys, make_key_file
from authenticator.store import Store
from tests.authenticator.kit import PASSWORDS, SEEDS, Slapd, code_of, free_port, settings_for, typed

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
from jupyterhub.proxy import Proxy
from authenticator import LDAPOTPAuthenticator
from texts import handler as languages
from texts import jinja as pages

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, *_): pass
    async def delete_route(self, *_): pass
    async def get_all_routes(self): return {{}}
    async def check_routes(self, *_): pass

c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.template_paths = [str(pages.TEMPLATES)]
c.JupyterHub.template_vars = pages.TEMPLATE_VARS
c.JupyterHub.jinja_environment_options = {{"extensions": pages.EXTENSIONS}}
languages.register()
c.JupyterHub.authenticator_class = LDAPOTPAuthenticator
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret = b"x" * 32
c.JupyterHub.spawner_class = "simple"
for name, value in {settings!r}.items():
    setattr(c.LDAPOTPAuthenticator, name, value)
"""
USER = b"a1113a01"


class Hub:
    """A hub without a proxy in front."""

    def __init__(self, folder: Path, slapd: Slapd) -> None:
        self.log = folder / "hub.log"
        self.port = free_port()
        make_key_file(folder / "otp.key")
        settings = settings_for(slapd, folder) | {"connect_timeout": 1, "receive_timeout": 2}
        self.store = Store(settings["store_url"], load_keys(folder / "otp.key"))
        config = folder / "config.py"
        config.write_text(CONFIG.format(port=self.port, folder=folder, settings=settings))
        command = [sys.executable, "-m", "jupyterhub", "-f", str(config)]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=self.log.open("w"), stderr=subprocess.STDOUT, env=self._environment()
        )

    def _environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "CONFIGPROXY_AUTH_TOKEN": "unused"}

    def wait(self) -> None:
        for _ in range(300):
            try:
                httpx.get(f"http://127.0.0.1:{self.port}/hub/health", timeout=2)
                return
            except httpx.HTTPError:
                assert self.process.poll() is None, self.log.read_text()[-3000:]
                time.sleep(0.1)
        pytest.fail(self.log.read_text()[-3000:])

    def fresh_tokens(self) -> None:
        for user, seed in SEEDS.items():
            self.store.tokens.remove(user)
            self.store.attempts.remove(self.store.attempts.account(user))
            self.store.tokens.put(user, seed, now=time.time())


@pytest.fixture(scope="module")
def running(slapd: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    hub = Hub(tmp_path_factory.mktemp("hub"), slapd)
    hub.wait()
    yield hub
    hub.process.terminate()
    hub.process.wait(20)
    hub.store.close()


@pytest.fixture
def hub(running: Hub) -> Hub:
    running.fresh_tokens()
    return running


class Browser:
    """Somebody who has opened the login page."""

    def __init__(self, hub: Hub, language: str = "en") -> None:
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{hub.port}/hub", timeout=20)
        self.client.cookies.set("hpchub-lang", language)
        self.client.get("/login")
        self.token = self.client.cookies["_xsrf"]

    def send(self, body: bytes, kind: str = "application/x-www-form-urlencoded") -> httpx.Response:
        headers = {"Content-Type": kind, "X-XSRFToken": self.token, "Sec-Fetch-Mode": "navigate"}
        return self.client.post("/login", content=body, headers=headers)

    def log_in(self, user: str, **changes: str) -> httpx.Response:
        return self.send(urlencode(typed(user) | changes).encode())


def told(response: httpx.Response) -> str:
    return html.unescape(response.text)


def test_the_right_three_lead_to_the_hub(hub: Hub) -> None:
    answer = Browser(hub).log_in("a1113a01")
    assert answer.status_code == 302
    assert "jupyterhub-hub-login" in answer.cookies


def test_a_refusal_shows_the_form_again_with_one_sentence_and_the_name(hub: Hub) -> None:
    answer = Browser(hub).log_in("a1113a01", password="no")
    assert answer.status_code == 403
    assert words.REFUSED in told(answer)
    assert 'value="a1113a01"' in answer.text
    assert 'name="otp"' in answer.text
    assert "jupyterhub-hub-login" not in answer.cookies


def test_a_refusal_comes_in_korean_to_who_chose_korean(hub: Hub) -> None:
    answer = Browser(hub, "ko").log_in("a1113a01", password="no")
    assert texts.translate("ko", words.REFUSED) in told(answer)


def test_an_outage_is_503_with_its_own_sentence(hub: Hub, slapd: Slapd) -> None:
    browser = Browser(hub)
    slapd.stop()
    try:
        answer = browser.log_in("a1113a01")
    finally:
        slapd.start()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert words.UNAVAILABLE in told(answer)


def test_a_name_is_shown_again_as_text(hub: Hub) -> None:
    answer = Browser(hub).log_in("a1113a01", username='"><script>alert(1)</script>')
    assert answer.status_code == 403
    assert "<script>alert(1)" not in answer.text


def right(user: str = "a1113a01") -> bytes:
    return urlencode(typed(user)).encode()


@pytest.mark.parametrize(
    "odd",
    [
        lambda: b"",
        lambda: b"otp=1&password=x",
        lambda: right() + b"&password=again",
        lambda: right() + b"&otp=123456",
        lambda: right() + b"&username=a1113a02",
        lambda: right() + b"&admin=1",
        lambda: right().replace(b"username=a1113a01", b"username=%FF%FE"),
        lambda: right().replace(b"username=a1113a01", b"username=a1113a01%00"),
        lambda: right().replace(b"username=", b"username[]="),
        lambda: right() + b"%00",
        lambda: right() + quote_from_bytes("\u00ad".encode()).encode(),
        lambda: json.dumps(typed("a1113a01")).encode(),
        lambda: b"\x00" * 1000,
        lambda: b"&" * 50,
    ],
)
def test_anything_but_the_three_fields_once_is_refused(hub: Hub, odd: "object") -> None:
    assert callable(odd)
    answer = Browser(hub).send(odd())
    assert answer.status_code == 403
    assert words.REFUSED in told(answer)


def test_other_encodings_are_refused_or_understood_and_never_an_error(hub: Hub) -> None:
    browser = Browser(hub)
    assert browser.send(json.dumps(typed("a1113a01")).encode(), "application/json").status_code == 403
    upload = httpx.Request("POST", "http://x", data=typed("a1113a01"), files={"file": b"x"})
    upload.read()
    assert browser.send(upload.content, upload.headers["Content-Type"]).status_code == 403
    hub.fresh_tokens()
    parts = {name: (None, value) for name, value in typed("a1113a01").items()}
    form = httpx.Request("POST", "http://x", files=parts)
    form.read()
    assert browser.send(form.content, form.headers["Content-Type"]).status_code == 302


def test_credentials_in_the_address_do_not_count(hub: Hub) -> None:
    browser = Browser(hub)
    headers = {"X-XSRFToken": browser.token}
    # Made up, because whatever stands in an address does get logged.
    answer = browser.client.post("/login", params=typed("a1113a01", password="made-up"), headers=headers)
    assert answer.status_code == 403
    last = [line for line in hub.log.read_text().splitlines() if " audit {" in line][-1]
    assert '"reason": "form"' in last


def test_random_bodies_are_never_an_internal_error(hub: Hub) -> None:
    browser, dice = Browser(hub), random.Random(7)
    pieces = (b"username", b"otp", b"password", b"=", b"&", b"%", b"%00", b"%FF", b"\xff", USER, b"+", b";")
    for _ in range(300):
        body = b"".join(dice.choice(pieces) for _ in range(dice.randrange(12)))
        assert browser.send(body).status_code == 403, body


def test_a_token_for_scripts_needs_the_same_three(hub: Hub) -> None:
    address = f"http://127.0.0.1:{hub.port}/hub/api/users/a1113a01/tokens"
    without_otp = {"username": "a1113a01", "password": PASSWORDS["a1113a01"]}
    for auth in (None, "a1113a01", without_otp, typed("a1113a01") | {"otp": 123456}):
        assert httpx.post(address, json={"auth": auth}).status_code == 403
    assert Browser(hub).log_in("a1113a01").status_code == 302  # the hub knows the user now
    fresh = typed("a1113a01", otp=code_of("a1113a01", later=1))
    assert httpx.post(address, json={"auth": fresh}).status_code == 201
    assert httpx.post(address, json={"auth": fresh}).status_code == 403


def test_the_hub_has_logged_no_secret(hub: Hub) -> None:
    data = typed("hpcadmin")
    assert Browser(hub).send(urlencode(data).encode()).status_code == 302
    log = hub.log.read_text()
    assert '"user": "hpcadmin"' in log
    assert "Traceback" not in log
    for secret in (*PASSWORDS.values(), data["otp"], *(seed.secret for seed in SEEDS.values())):
        assert secret not in log
