"""How long a refusal takes, by its cause: whoever measures must not learn which accounts there are.

The causes take turns, over HTTP, at a hub with `refusal_milliseconds` as it is set by default.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Mapping

import httpx

from authenticator.passcode import step_at
from authenticator.store import Store
from benchmarks.hubs import Hub
from tests.authenticator.kit import PASSWORDS, SEEDS, code_of

__all__ = ["SETTINGS", "gaps"]

ROUNDS = 12
BLOCKED = "hpcadmins"
USED = "a1113a02"
SETTINGS = f"""
c.Throttle.account_failures = 100
c.LDAPOTPAuthenticator.blocked_groups = {{{BLOCKED!r}}}
c.LDAPOTPAuthenticator.refusal_milliseconds = LDAPOTPAuthenticator.refusal_milliseconds.default_value
"""


def gaps(hub: Hub, store: Store) -> str:
    """Return the median of each cause, and how far the medians are apart."""
    took: dict[str, list[float]] = {cause: [] for cause in _causes()}
    with httpx.Client(base_url=hub.url, timeout=20) as client:
        client.get("/hub/login")
        for _ in range(ROUNDS):
            for user, seed in SEEDS.items():
                used = step_at(seed, time.time()) + 5 if user == USED else None
                store.tokens.remove(user)
                store.tokens.put(user, seed, now=time.time(), last_step=used)
            for cause, fields in _causes().items():
                took[cause].append(_refusal(client, fields))
    medians = {cause: statistics.median(values) * 1000 for cause, values in took.items()}
    apart = max(medians.values()) - min(medians.values())
    each = ", ".join(f"{cause} {median:.0f}" for cause, median in medians.items())
    return f"medians at most {apart:.0f} ms apart (of {ROUNDS} each, in ms: {each})"


def _causes() -> Mapping[str, Mapping[str, str]]:
    def typed(user: str, **changes: str) -> Mapping[str, str]:
        known = {"username": user, "otp": code_of(user), "password": PASSWORDS[user]}
        return known | changes

    return {
        "no such account": typed("a1113a01", username=f"nobody{secrets.randbelow(1000)}"),
        "no name": typed("a1113a01", username="*)(uid=*"),
        "a field missing": {"username": "a1113a01", "password": "x"},
        "wrong code": typed("a1113a01", otp="000000"),
        "wrong recovery code": typed("a1113a03", otp="AAAA-AAAA-AAAA-AAAA"),
        "wrong password": typed("a1113a01", password=PASSWORDS["a1113a02"]),
        "used code": typed(USED),
        "locked in the directory": typed("locked01"),
        "blocked group": typed("hpcadmin"),
    }


def _refusal(client: httpx.Client, fields: Mapping[str, str]) -> float:
    form = {**fields, "_xsrf": client.cookies["_xsrf"]}
    began = time.perf_counter()
    answer = client.post("/hub/login", data=form)
    took = time.perf_counter() - began
    if answer.status_code != httpx.codes.FORBIDDEN:
        raise RuntimeError(f"{answer.status_code} for {sorted(fields)}")
    return took
