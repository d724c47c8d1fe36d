"""The doctor finds what hub, service and helper do not agree on before a user does."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hpchub.agreement import checks
from hpchub.configuration import Configuration, load
from hpchub.findings import Finding, Level

ROOT = Path(__file__).resolve().parents[2]
RUNNER = ROOT / "environments" / "run.py"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the helper's settings belong to root")


class Centre:
    """The files and settings of a centre where all agree."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "environments.toml"
        self.file.write_text('channels = ["file:///channel"]\nqueue = "cpu"\n')
        self.queues = folder / "queues.toml"
        self.queues.write_text('[[queues]]\nname = "cpu"\nkind = "exclusive"\nmax_hours = 4\n')
        self.helper = folder / "hpchub-as-user"
        self.settings: dict[str, Any] = {
            "environments": [sys.executable, "-I", str(RUNNER), "answer"],
            "environment": {"HPCHUB_ENVIRONMENTS": str(self.file)},
            "workspace": "/scratch/{user}/workspace",
        }
        acts = f"sudo -nHu {{username}} {self.helper}"
        self.spawner: dict[str, Any] = {
            "environments_file": str(self.file),
            "acts_as_user": acts,
            "queues_file": str(self.queues),
        }
        self.service: dict[str, str] = {
            "HPCHUB_ENVIRONMENTS": str(self.file),
            "HPCHUB_ACTS_AS_USER": acts,
            "HPCHUB_QUEUES": str(self.queues),
        }
        self.hub: dict[str, Any] = {}
        self.url = "http://127.0.0.1:18111"

    def write(self) -> None:
        self.helper.with_name("hpchub-as-user.json").write_text(json.dumps(self.settings))

    def found(self, environ: Mapping[str, str] | None = None) -> list[Finding]:
        self.write()
        configuration = Configuration(self.file)
        configuration.config.SlurmGPUSpawner.update(self.spawner)
        services = (
            [{"name": "environments", "url": self.url, "environment": self.service}] if self.service else []
        )
        configuration.config.JupyterHub.update({"services": services, **self.hub})
        return list(checks(configuration, environ or {}))

    def faults(self) -> dict[str, Finding]:
        return {one.check: one for one in self.found() if one.level is not Level.OK}


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(tmp_path)


def test_where_all_agree_there_is_no_fault(centre: Centre) -> None:
    assert centre.faults() == {}
    assert {one.check for one in centre.found()} == {
        "hub and service",
        "queue",
        "helper hpchub-as-user.json",
        "helper's command",
    }


def test_a_hub_without_environments_has_nothing_to_agree_on(tmp_path: Path) -> None:
    assert list(checks(Configuration(tmp_path / "c.py"), {})) == []


def test_a_service_that_the_sites_own_file_adds_is_seen(centre: Centre, tmp_path: Path) -> None:
    one = {"name": "environments", "environment": centre.service}
    path = tmp_path / "jupyterhub_config.py"
    path.write_text(f"c.SlurmGPUSpawner.update({centre.spawner!r})\nc.JupyterHub.services.append({one!r})\n")
    assert "the service" not in {found.check for found in checks(load(path), {})}


@pytest.mark.parametrize(
    ("changed", "check", "do"),
    [
        (
            {"HPCHUB_ACTS_AS_USER": "sudo {username} /old"},
            "HPCHUB_ACTS_AS_USER",
            'write HPCHUB_ACTS_AS_USER="',
        ),
        ({"HPCHUB_HUB_NAME": "other"}, "HPCHUB_HUB_NAME", 'write HPCHUB_HUB_NAME="hpchub"'),
        ({"HPCHUB_ENVIRONMENTS": "/old.toml"}, "HPCHUB_ENVIRONMENTS", "write HPCHUB_ENVIRONMENTS="),
        ({"HPCHUB_QUEUES": "/old.toml"}, "HPCHUB_QUEUES", "write HPCHUB_QUEUES="),
        ({"HPCHUB_JOB_PYTHON": "/no/python"}, "HPCHUB_JOB_PYTHON", "correct it"),
    ],
)
def test_what_the_service_is_told_otherwise_is_named(
    centre: Centre, changed: Mapping[str, str], check: str, do: str
) -> None:
    centre.service.update(changed)
    (fault,) = centre.faults().values()
    assert (fault.check, next(iter(changed.values())) in fault.seen) == (check, True)
    assert do in fault.do


def test_a_hub_of_another_name_needs_it_in_the_service(centre: Centre) -> None:
    centre.spawner["hub_name"] = "second"
    assert 'HPCHUB_HUB_NAME="second"' in centre.faults()["HPCHUB_HUB_NAME"].do


def test_a_form_without_a_service_and_a_service_without_a_form(centre: Centre) -> None:
    service, centre.service = centre.service, {}
    assert "“My environments” is no service" in centre.faults()["the service"].seen
    centre.service = service
    centre.spawner["environments_file"] = ""
    assert "the form has no such field" in centre.faults()["HPCHUB_ENVIRONMENTS"].do


def test_a_service_that_the_sites_own_file_took_away_is_told_to_be_kept(centre: Centre) -> None:
    centre.service = {}
    (missing,) = [one for one in centre.found({"HPCHUB_ENVIRONMENTS": "x"}) if one.check == "the service"]
    assert missing.do.startswith("keep the services of jupyterhub_config.py")
    (missing,) = [one for one in centre.found() if one.check == "the service"]
    assert missing.do.startswith(f"write HPCHUB_ENVIRONMENTS={centre.file} in the hub's environment")


def test_queues_that_the_spawner_finds_in_its_own_folder_need_no_setting_of_the_service(
    centre: Centre,
) -> None:
    centre.spawner["queues_file"] = "queues.toml"
    del centre.service["HPCHUB_QUEUES"]
    assert "HPCHUB_QUEUES" not in centre.faults()


def test_a_python_that_only_the_nodes_have_is_a_warning_and_none_is_nothing(centre: Centre) -> None:
    centre.service.update({"HPCHUB_JOB_PYTHON": "/no/python", "HPCHUB_JOB_RUNNER": ""})
    (warning,) = centre.faults().values()
    assert (warning.check, warning.level) == ("HPCHUB_JOB_PYTHON", Level.WARNING)


def test_https_at_the_service_needs_tls_inside(centre: Centre) -> None:
    centre.url = "https://127.0.0.1:18111"
    assert "write http://127.0.0.1:18111" in centre.faults()["HPCHUB_ENVIRONMENTS_SERVICE_URL"].do
    centre.hub["internal_ssl"] = True
    assert centre.faults() == {}


def test_tls_inside_needs_https_at_the_service(centre: Centre) -> None:
    centre.hub["internal_ssl"] = True
    assert "https://127.0.0.1:18111" in centre.faults()["HPCHUB_ENVIRONMENTS_SERVICE_URL"].do


def test_a_queue_that_is_none_is_named_with_those_there_are(centre: Centre) -> None:
    centre.file.write_text('channels = ["file:///channel"]\nqueue = "jupyter"\n')
    assert "write one of cpu" in centre.faults()["queue"].do


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        ({"environment": {}}, "jobs and answers take /etc/hpchub/environments.toml"),
        ({"environments": [sys.executable, str(RUNNER), "--site", "/old", "answer"]}, "answers take /old"),
        ({"environments": []}, "has no command for environments"),
        ({"environments": ["/no/python", "answer"]}, "does not answer: "),
        ({"environments": [sys.executable, "-c", "import nothing_there"]}, "No module named 'nothing_there'"),
        ({"environments": ["/bin/echo", "1"]}, "no JSON object"),
        ({"environments": ["/bin/sh", "-c", r"printf '\\377'; exit 3"]}, "does not answer: exit status 3"),
        ({"environments": ["/bin/echo", '{"problem": {"msgid": "Not today."}}']}, "answer: Not today."),
        ({"workspace": "/home/{user}/work"}, "SlurmGPUSpawner.workspace is /scratch/{username}/workspace"),
    ],
)
def test_a_helper_that_means_something_else_is_a_fault(
    centre: Centre, changed: Mapping[str, Any], seen: str
) -> None:
    centre.settings.update(changed)
    assert seen in " ".join(one.seen for one in centre.found() if one.level is Level.FAULT)


def test_the_command_is_asked_with_the_helpers_own_variables(centre: Centre) -> None:
    answers = 'test "$MORE" = 7 && echo "{\\"environments\\": []}"'
    centre.settings.update({"environments": ["/bin/sh", "-c", answers]})
    assert "does not answer" in centre.faults()["helper hpchub-as-user.json"].seen
    centre.settings["environment"]["MORE"] = "7"
    assert centre.faults() == {}


def test_a_workspace_that_users_take_along_is_the_helpers(centre: Centre) -> None:
    centre.file.write_text(centre.file.read_text() + 'workspace = "/home/{user}/work"\n')
    seen = centre.faults()["helper hpchub-as-user.json"].seen
    assert seen.startswith(
        "workspace is /home/{user}/work in environments.toml, and /scratch/{user}/workspace"
    )


def test_a_helper_whose_workspace_lies_in_each_home_is_no_fault(centre: Centre) -> None:
    centre.settings["workspace"] = "{home}/workspace"
    centre.spawner["workspace"] = "{home}/workspace"
    assert centre.faults() == {}


@pytest.mark.parametrize("text", ["", "[1]", '"x"', "{"])
def test_settings_of_the_helper_that_are_no_object_are_a_fault(centre: Centre, text: str) -> None:
    class Damaged(Centre):
        def write(self) -> None:
            self.helper.with_name("hpchub-as-user.json").write_text(text)

    damaged = Damaged(centre.file.parent)
    assert "cannot be read" in damaged.faults()["helper hpchub-as-user.json"].seen


@pytest.mark.parametrize("acts", ["sudo {username} it's", "", "sudo /"])
def test_a_helper_that_is_not_named_is_told_elsewhere(centre: Centre, acts: str) -> None:
    centre.spawner["acts_as_user"] = centre.service["HPCHUB_ACTS_AS_USER"] = acts
    assert centre.faults() == {}


@pytest.mark.parametrize("name", ["environments.toml", "queues.toml"])
def test_a_file_that_cannot_be_read_is_told_elsewhere(centre: Centre, name: str) -> None:
    (centre.file.parent / name).write_text("[")
    assert "queue" not in {one.check for one in centre.found()}


def test_a_helper_that_is_not_there_or_anybodys_is_a_fault(centre: Centre) -> None:
    centre.spawner["acts_as_user"] = centre.service["HPCHUB_ACTS_AS_USER"] = "sudo -nHu {username} /no/helper"
    assert "/no/helper.json cannot be read" in centre.faults()["helper helper.json"].seen
    centre.__init__(centre.file.parent)  # type: ignore[misc]
    centre.found()
    settings = centre.helper.with_name("hpchub-as-user.json")
    for mode, owner in ((0o664, 0), (0o646, 0), (0o644, 12345)):
        settings.chmod(mode)
        os.chown(settings, owner, 0)
        assert "others than root may write" in centre.faults()["helper hpchub-as-user.json"].seen
