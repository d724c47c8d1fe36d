"""What stands in the batch script for a container image."""

from __future__ import annotations

import shlex
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from environments.images import NOT_HANDED_ON, command_of
from environments.problems import Problem
from environments.site import Image, Runtime, Site

DOCS = Path(__file__).resolve().parents[3] / "docs" / "images.md"
LAUNCHER = "/srv/hpchub/src/singleuser/launch.py"
FOLDERS = (Path("/home/anna"), Path("/scratch/anna/workspace"), Path("/srv/hpchub/src"))
PREFIX = ["/usr/bin/env", *(f"--unset={name}" for name in NOT_HANDED_ON)]
SERVER = ["/bin/bash", "/srv/hpchub/src/singleuser/start.sh", "/opt/conda/bin/python", LAUNCHER, "--debug"]


def documented() -> dict[str, Any]:
    """Return the templates that administrators are told to copy."""
    blocks = DOCS.read_text().split("```toml\n")[1:]
    merged: dict[str, Any] = {"runtimes": {}, "images": []}
    for block in blocks:
        raw = tomllib.loads(block.split("```")[0])
        merged["runtimes"] |= raw.get("runtimes", {})
        merged["images"] += raw.get("images", [])
    return merged


def site_with(runtime: Runtime, **image: Any) -> Site:
    one = Image(**{"name": "demo", "runtime": "it", "path": "/images/demo", **image})
    return Site(runtimes={"it": runtime}, images=(one,))


def words(
    site: Site,
    name: str = "",
    *,
    environment: Mapping[str, str] = {},
    folders: Sequence[Path] = FOLDERS,
    gpus: bool = False,
    workdir: Path | None = None,
) -> list[str]:
    image = next(one for one in site.images if name in ("", one.name))
    return command_of(
        site,
        image,
        arguments=[LAUNCHER, "--debug"],
        environment=environment,
        folders=folders,
        gpus=gpus,
        workdir=workdir,
    )


PLAIN = Runtime(
    command=("run", "{binds}", "{gpus}", "{image}", "{command}"), bind=("-b", "{path}"), gpu=("-g",)
)


class TestDocumentedRuntimes:
    """The templates of docs/images.md, as they stand there."""

    site = Site(**documented())

    def of(self, runtime: str, **given: Any) -> list[str]:
        name = next(image.name for image in self.site.images if image.runtime == runtime)
        return words(self.site, name, **given)

    def test_every_documented_runtime_has_an_image_and_the_other_way_round(self) -> None:
        assert {image.runtime for image in self.site.images} == set(self.site.runtimes)
        assert set(self.site.runtimes) == {"charliecloud", "apptainer", "pyxis", "slurm"}

    @pytest.mark.parametrize("runtime", ["charliecloud", "apptainer", "pyxis", "slurm"])
    def test_no_word_is_left_to_be_filled_in(self, runtime: str) -> None:
        made = self.of(runtime, gpus=True, environment={"LESSONS": "7"})
        assert not [word for word in made if "{" in word or "}" in word]
        assert made[-len(SERVER) :] == [*SERVER[:2], made[-3], *SERVER[3:]]

    @pytest.mark.parametrize("runtime", ["charliecloud", "apptainer", "pyxis"])
    def test_an_image_needs_no_place_for_each_user(self, runtime: str) -> None:
        bound = [word for word in self.of(runtime) if word.startswith(("--bind", "--container-mounts"))]
        assert len([word for word in bound if "/scratch" in word]) == 1
        assert not [word for word in bound if "anna" in word]

    def test_charliecloud(self) -> None:
        made = self.of("charliecloud")
        at = made.index("ch-run")
        assert {"HPCHUB_IMAGE=base", "--bind=/home", "--bind=/scratch", "--bind=/srv/hpchub/src"} <= set(made)
        assert made.index("HPCHUB_IMAGE=base") < at
        assert "--cd=/home/anna" in made[at:]
        assert made[made.index("--") - 1] == "/images/base"

    def test_apptainer_gets_variables_by_the_prefix_that_the_image_cannot_override(self) -> None:
        made = self.of("apptainer", gpus=True, environment={"NOTEBOOK_ARGS": "--debug,--x"})
        at = made.index("apptainer")
        assert "APPTAINERENV_NOTEBOOK_ARGS=--debug,--x" in made[:at]
        assert made[at + 1] == "exec"
        assert "--nv" in made[at:]
        assert "--nv" not in self.of("apptainer", gpus=False)

    def test_pyxis(self) -> None:
        made = self.of("pyxis", environment={"LESSONS": "7"})
        at = made.index("srun")
        assert "LESSONS=7" in made[:at]
        assert "--container-mounts=/scratch:/scratch" in made[at:]
        assert any(word.startswith("--container-image=") for word in made[at:])

    def test_slurms_own(self) -> None:
        made = self.of("slurm")
        assert [word for word in made if word.startswith("--container=")] == [
            "--container=/images/base-bundle"
        ]


class TestWords:
    def test_the_whole_command(self) -> None:
        site = site_with(PLAIN)
        binds = ["-b", "/home/anna", "-b", "/scratch/anna/workspace", "-b", "/srv/hpchub/src"]
        assert words(site, gpus=True) == [
            *PREFIX,
            "HPCHUB_IMAGE=demo",
            "run",
            *binds,
            "-g",
            "/images/demo",
            *SERVER,
        ]

    def test_an_image_can_have_another_interpreter_and_folders(self) -> None:
        made = words(site_with(PLAIN, python="/usr/bin/python3", binds=("/data",)))
        assert made[-3] == "/usr/bin/python3"
        assert made.index("/data") < made.index("/home/anna")

    def test_what_lies_in_a_folder_that_is_bound_is_not_bound_again(self) -> None:
        runtime = PLAIN.model_copy(update={"binds": ("/home", "/scratch")})
        made = words(site_with(runtime))
        assert [made[i + 1] for i, word in enumerate(made) if word == "-b"] == [
            "/home",
            "/scratch",
            "/srv/hpchub/src",
        ]

    def test_the_form_comes_before_the_image(self) -> None:
        image = {"environment": {"DOCKER_STACKS_JUPYTER_CMD": "lab", "OTHER": "1"}}
        made = words(site_with(PLAIN, **image), environment={"DOCKER_STACKS_JUPYTER_CMD": "notebook"})
        assert "DOCKER_STACKS_JUPYTER_CMD=notebook" in made
        assert "DOCKER_STACKS_JUPYTER_CMD=lab" not in made
        assert "OTHER=1" in made

    def test_a_value_that_looks_like_a_placeholder_stays_what_it_is(self) -> None:
        runtime = Runtime(
            command=("run", "{environment}", "{image}", "{command}"), variable=("--env", "{name}={value}")
        )
        made = words(site_with(runtime), environment={"GREETING": "{name} {command} {image}"})
        assert "GREETING={name} {command} {image}" in made

    def test_it_begins_in_the_workspace_where_one_is_named(self) -> None:
        site = site_with(Runtime(command=("run", "--cd={workdir}", "{image}", "{command}")))
        assert "--cd=/scratch/anna/course" in words(site, workdir=Path("/scratch/anna/course"))
        assert "--cd=/home/anna" in words(site)


class TestHostile:
    @pytest.mark.parametrize("path", ["/images/a b", "/images/it's", '/images/"$(id)"', "/images/`id`;x"])
    def test_a_path_with_spaces_and_quotes_is_one_word_for_the_shell(self, path: str) -> None:
        runtime = Runtime(command=("printf", "%s\\n", "{image}", "{command}"))
        script = " ".join(shlex.quote(word) for word in words(site_with(runtime, path=path)))
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=10, check=True)
        assert done.stdout.splitlines() == [path, *SERVER]

    @pytest.mark.parametrize("end", ["\n", "\r", "\0", "\x1b", "\u2028"])
    def test_what_ends_a_line_is_refused(self, end: str) -> None:
        with pytest.raises(Problem) as problem:
            words(site_with(PLAIN, path=f"/images/a{end}b"))
        assert problem.value.code == "image"
        assert end not in str(problem.value)
        with pytest.raises(Problem):
            words(site_with(PLAIN), environment={"LESSONS": f"7{end}"})
        with pytest.raises(Problem):
            words(site_with(PLAIN), folders=[Path(f"/home/a{end}b")])

    @pytest.mark.parametrize("folder", ["/home/a:/etc", "/home/a,/etc", "/home/../etc", "home/anna"])
    def test_a_folder_that_a_runtime_would_split_is_refused(self, folder: str) -> None:
        with pytest.raises(Problem):
            words(site_with(PLAIN), folders=[Path(folder)])

    @pytest.mark.parametrize(
        "name",
        [
            "JUPYTERHUB_API_TOKEN",
            "JPY_API_TOKEN",
            "HPCHUB_PORTS",
            "my_token",
            "DB_PASSWORD",
            "A B",
            "1A",
            "A=B",
            "",
        ],
    )
    def test_secrets_and_the_hubs_own_variables_never_stand_on_a_command_line(self, name: str) -> None:
        with pytest.raises(Problem):
            words(site_with(PLAIN), environment={name: "s3cret"})
        with pytest.raises((Problem, ValidationError)):
            words(site_with(PLAIN, environment={name: "s3cret"}))

    @given(st.text(min_size=1, max_size=40), st.text(max_size=40))
    def test_whatever_is_in_a_value_it_stays_one_word_or_is_refused(self, path: str, value: str) -> None:
        try:
            made = words(site_with(PLAIN, path=path), environment={"LESSONS": value})
        except Problem:
            return
        assert made.count(f"LESSONS={value}") == 1
        assert len(made) == len(words(site_with(PLAIN), environment={"LESSONS": "7"}))


class TestTemplates:
    """What is wrong with a template is said when the file is read, and not when somebody starts."""

    @pytest.mark.parametrize(
        "command",
        [
            ("ch-run", "--", "{command}"),
            ("ch-run", "{image}"),
            ("ch-run", "{image}", "--", "x{command}"),
            ("ch-run", "--bind={binds}", "{image}", "{command}"),
        ],
    )
    def test_a_command_that_would_start_nothing_or_the_wrong_thing(self, command: tuple[str, ...]) -> None:
        with pytest.raises(ValidationError):
            Runtime(command=command)

    def test_words_that_would_never_be_used(self) -> None:
        with pytest.raises(ValidationError, match=r"no \{environment\}"):
            Runtime(command=("run", "{image}", "{command}"), variable=("--env={name}={value}",))
        with pytest.raises(ValidationError, match=r"no \{binds\}"):
            Runtime(command=("run", "{image}", "{command}"), bind=("--bind={path}",))
