"""What the doctor says of a site's environments."""

from pathlib import Path

import pytest

from environments.checks_site import checks, look, profile_found, queues_of
from environments.site import Image, Runtime, Shared
from environments.site_profile import PluginSet, Profile
from hpchub.configuration import Configuration, load
from hpchub.findings import Finding, Level
from tests.environments.files.kit import Prefix, site


def faults(found: list[Finding]) -> dict[str, str]:
    return {one.check: one.seen for one in found if one.level is Level.FAULT}


def of_file(tmp_path: Path, text: str) -> list[Finding]:
    path = tmp_path / "environments.toml"
    path.write_text(text)
    return list(checks(Configuration(tmp_path / "c.py"), {"HPCHUB_ENVIRONMENTS": str(path)}))


def test_a_hub_without_environments_has_nothing_to_look_at(tmp_path: Path) -> None:
    assert list(checks(Configuration(tmp_path / "c.py"), {})) == []


def test_a_file_that_is_missing_or_wrong_is_a_fault(tmp_path: Path) -> None:
    missing = list(
        checks(Configuration(tmp_path / "c.py"), {"HPCHUB_ENVIRONMENTS": str(tmp_path / "none.toml")})
    )
    assert "cannot be read" in missing[0].seen
    assert "no such setting" in of_file(tmp_path, "chanels = []")[0].seen


def test_a_file_that_users_cannot_read_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "environments.toml"
    path.touch(mode=0o600)
    found = list(checks(Configuration(tmp_path / "c.py"), {"HPCHUB_ENVIRONMENTS": str(path)}))
    assert "not readable by all" in faults(found)["the file"]


def test_a_password_in_a_variable_is_a_fault_and_is_not_printed() -> None:
    found = list(look(site(channels=(), variables={"https_proxy": "http://me:canary@proxy:3128"})))
    assert "variable https_proxy" in faults(found)
    assert "canary" not in str(found)


@pytest.mark.parametrize(("script", "level"), [("echo mamba 2.1", Level.OK), ("exit 1", Level.FAULT)])
def test_an_engine_is_run(tmp_path: Path, script: str, level: Level) -> None:
    program = tmp_path / "mamba"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    found = list(look(site(channels=(), engine="mamba", engine_program=str(program))))
    assert next(one for one in found if one.check == "engine").level is level


def test_an_engine_that_is_not_there_is_a_fault() -> None:
    assert "engine" in faults(list(look(site(channels=(), engine="conda", engine_program="/no/conda"))))


def test_shared_environments_images_and_runtimes_are_looked_for(tmp_path: Path) -> None:
    whole = Prefix(tmp_path / "whole")
    (whole.path / "bin").mkdir()
    (whole.path / "bin/jupyterhub-singleuser").touch()
    bare = Prefix(tmp_path / "bare")
    (tmp_path / "image").mkdir()
    command = ("{image}", "{command}")
    found = list(
        look(
            site(
                channels=(),
                shared_cache=tmp_path / "none",
                shared=tuple(
                    Shared(name=name, prefix=path)
                    for name, path in (("whole", whole.path), ("bare", bare.path), ("gone", tmp_path / "x"))
                ),
                runtimes={
                    "sh": Runtime(command=("/bin/sh", *command)),
                    "gone": Runtime(command=("/no/such", *command)),
                },
                images=tuple(
                    Image(name=name, runtime="sh", path=path)
                    for name, path in (
                        ("here", str(tmp_path / "image")),
                        ("gone", "/no/x.sif"),
                        ("far", "docker://x"),
                    )
                ),
            )
        )
    )
    assert set(faults(found)) == {"channels", "shared cache", "shared bare", "shared gone", "image gone"}
    fine = {one.check for one in found if one.level is Level.OK}
    assert {"shared whole", "runtime sh", "image here", "image far"} <= fine
    assert "runtime gone" not in fine


def of_profile(tmp_path: Path, profile: Profile, *specs: str, queues: str = "") -> list[Finding]:
    (tmp_path / "queues.toml").write_text(queues)
    (tmp_path / "c.py").write_text(f"c.SlurmGPUSpawner.queues_file = {str(tmp_path / 'queues.toml')!r}\n")
    plugins = PluginSet(specs=specs, profile=profile)
    found = profile_found(site(plugins=plugins), queues_of(load(tmp_path / "c.py")))
    return [one for one in found if one.check == "profile slurm"]


QUEUES = '[[queues]]\nname = "gpu"\n[[queues]]\nname = "course"\npartition = "mixed"\n'


@pytest.mark.parametrize(
    ("profile", "level", "seen"),
    [
        (Profile(queue="gpu"), Level.OK, "engines run in gpu"),
        (Profile(queue="course", partition="mixed"), Level.OK, "engines run in course"),
        (Profile(queue="gone"), Level.FAULT, "there is no queue gone"),
        (Profile(queue="course"), Level.FAULT, "the partition of the queue course is mixed"),
        (Profile(queue="gpu", partition="old"), Level.FAULT, "the partition of the queue gpu is gpu"),
    ],
)
def test_the_queue_of_the_profile_is_looked_for(
    tmp_path: Path, profile: Profile, level: Level, seen: str
) -> None:
    (found,) = of_profile(tmp_path, profile, "ipyparallel", queues=QUEUES)
    assert found.level is level
    assert seen in found.seen


def test_a_profile_that_is_never_made_is_a_warning(tmp_path: Path) -> None:
    found = of_profile(tmp_path, Profile(queue="gpu"), "tensorboard", queues=QUEUES)
    assert [one.level for one in found] == [Level.WARNING, Level.OK]


def test_a_file_of_queues_that_cannot_be_read_is_left_to_its_own_check(tmp_path: Path) -> None:
    assert of_profile(tmp_path, Profile(queue="gpu"), "ipyparallel", queues="queues = 1") == []


def test_a_site_without_a_profile_has_nothing_to_look_at() -> None:
    assert list(profile_found(site(), {})) == []
