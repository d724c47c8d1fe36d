from __future__ import annotations

import pytest

from demo.ports import needed
from demo.programs import all_programs, hub_environment
from demo.settings import Instance, SettingError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HPCHUB_PORT", "eighty"),
        ("HPCHUB_PORT", "70000"),
        ("HPCHUB_PORT_BASE", "-1"),
        ("HPCHUB_STATE", "state"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name_and_value(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"{name}={value}: write"):
        Instance.from_environment({name: value})


def test_without_settings_the_centre_is_seen_on_this_machine_only() -> None:
    instance = Instance.from_environment({})
    assert {port.address for port in needed(instance)} == {"127.0.0.1"}
    assert instance.url == "http://localhost:8000/"


def test_with_internal_ssl_no_address_inside_is_plain_and_the_proxy_asks_for_certificates() -> None:
    plain = Instance.from_environment({})
    secure = Instance.from_environment({"HPCHUB_INTERNAL_SSL": "1"})
    assert (plain.inside, secure.inside) == ("http", "https")
    for instance, wanted in ((plain, False), (secure, True)):
        (proxy,) = (one for one in all_programs(instance, [], "token") if one.name == "proxy")
        for option in ("api", "client"):
            assert (f"--{option}-ssl-reject-unauthorized" in proxy.argv) is wanted
            assert (f"--{option}-ssl-request-cert" in proxy.argv) is wanted
        address = hub_environment(instance)["HPCHUB_QUEUES_SERVICE_URL"]
        assert address.startswith("https://") is wanted


def test_two_centres_share_no_port_and_no_node_address() -> None:
    first = Instance.from_environment({})
    second = Instance.from_environment({"HPCHUB_PORT": "8100", "HPCHUB_PORT_BASE": "19000"})
    numbers = [port.number for instance in (first, second) for port in needed(instance)]
    assert len(numbers) == len(set(numbers))
    assert first.network != second.network
