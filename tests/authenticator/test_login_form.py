"""The login form of a real hub: what is sent, as bytes, and what comes back."""

import json
import random
from urllib.parse import quote_from_bytes, urlencode

import httpx
import pytest

import authenticator.answers as words
import texts
from tests.authenticator.kit import PASSWORDS, SEEDS, Slapd, code_of, typed
from tests.authenticator.real_hub import Browser, Hub, told

USER = b"a1113a01"


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
    answer = browser.client.post(
        "/login", params=typed("a1113a01", password="made-up", otp="135790"), headers=headers
    )
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
    address = f"{hub.url}/api/users/a1113a01/tokens"
    without_otp = {"username": "a1113a01", "password": PASSWORDS["a1113a01"]}
    for auth in (None, "a1113a01", without_otp, typed("a1113a01") | {"otp": 123456}):
        assert httpx.post(address, json={"auth": auth}, timeout=60).status_code == 403
    assert Browser(hub).log_in("a1113a01").status_code == 302  # the hub knows the user now
    fresh = typed("a1113a01", otp=code_of("a1113a01", later=1))
    assert httpx.post(address, json={"auth": fresh}, timeout=60).status_code == 201
    assert httpx.post(address, json={"auth": fresh}, timeout=60).status_code == 403


def test_the_hub_has_logged_no_secret(hub: Hub) -> None:
    data = typed("hpcadmin")
    assert Browser(hub).send(urlencode(data).encode()).status_code == 302
    log = hub.log.read_text()
    assert '"user": "hpcadmin"' in log
    assert "Traceback" not in log
    assert "xsrf cookie for" not in log, "it would name the session"
    for secret in (*PASSWORDS.values(), data["otp"], *(seed.secret for seed in SEEDS.values())):
        assert secret not in log
