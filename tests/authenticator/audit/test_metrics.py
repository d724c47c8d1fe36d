"""The figures at /hub/metrics: they count, and their labels stay few and anonymous."""

import importlib
import logging

from prometheus_client import REGISTRY, generate_latest

from authenticator import metrics
from authenticator.audit import Audit, Event
from authenticator.directory.servers import ServerState


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_every_event_of_the_audit_is_counted() -> None:
    audit = Audit(log=logging.getLogger("hpchub.test"))
    refused = {"result": "refused", "reason": "throttled_locked"}
    before = value("hpchub_logins_total", **refused), value("hpchub_login_throttled_total", scope="locked")
    enrolled = value("hpchub_otp_events_total", event="enrolled")
    audit.record(Event("login", "refused", "throttled_locked", "a1113a01", "192.0.2.7"))
    audit.record(Event("enrolled", user="a1113a01"))
    assert value("hpchub_logins_total", **refused) == before[0] + 1
    assert value("hpchub_login_throttled_total", scope="locked") == before[1] + 1
    assert value("hpchub_otp_events_total", event="enrolled") == enrolled + 1


def test_how_long_logins_took() -> None:
    before = value("hpchub_login_seconds_count", result="success")
    metrics.login_took(0.2, "success")
    assert value("hpchub_login_seconds_count", result="success") == before + 1


def test_every_look_at_the_figures_shows_which_servers_answer() -> None:
    one, two = "ldaps://one.example", "ldaps://two.example"
    up = {one: True, two: False}
    metrics.directory_states(lambda: [ServerState(uri, up[uri], None, "") for uri in up])
    assert REGISTRY.get_sample_value("hpchub_directory_up", {"server": one}) == 1
    assert REGISTRY.get_sample_value("hpchub_directory_up", {"server": two}) == 0
    up[one] = False
    assert REGISTRY.get_sample_value("hpchub_directory_up", {"server": one}) == 0


def test_nothing_that_was_typed_becomes_a_label() -> None:
    audit = Audit(log=logging.getLogger("hpchub.test"))
    audit.record(Event("login", "refused", "canary 5f3b", "canary-user", "canary-address"))
    audit.record(Event("Canary", "canary", "canary", "canary-user"))
    metrics.login_took(1, "canary-result")
    assert b"anary" not in generate_latest(REGISTRY)


def test_a_flood_of_new_words_stays_a_few_series() -> None:
    for number in range(1000):
        metrics.login_ended("refused", f"reason{number}")
        metrics.event_happened(f"event{number}")
    lines = [line for line in generate_latest(REGISTRY).decode().splitlines() if not line.startswith("#")]
    assert sum(line.startswith("hpchub_logins_total") for line in lines) <= 4 * (
        metrics.LABEL_VALUES_AT_MOST + 2
    )
    assert (
        sum(line.startswith("hpchub_otp_events_total") for line in lines) <= metrics.LABEL_VALUES_AT_MOST + 1
    )
    assert value("hpchub_logins_total", result="refused", reason="other") > 900


def test_a_second_import_goes_on_counting() -> None:
    before = value("hpchub_otp_events_total", event="other")
    again = importlib.reload(metrics)
    again.event_happened("No Word")
    assert value("hpchub_otp_events_total", event="other") == before + 1
