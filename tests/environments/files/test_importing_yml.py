"""`environment.yml` as people bring it, and as nobody should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import careful_yaml
from environments.importing import Imported, parse
from environments.problems import Problem
from tests.environments.files.kit import MIRROR, OWN, PUBLIC, site

SITE = site()

# As `conda env export` writes it.
EXPORTED = """\
name: vision
channels:
  - conda-forge
  - nodefaults
dependencies:
  - _libgcc_mutex=0.1=conda_forge
  - ca-certificates=2025.8.3=hbd8a1cb_0
  - python=3.10=h1_2_cpython
  - pytorch=2.5.1=cuda126_py310h_0
  - pip:
      - einops==0.8.1
      - "mylib @ git+https://git.example/mylib@0a1b2c"
prefix: /home/bob/miniconda3/envs/vision
"""

# As people write it.
WRITTEN = """\
# for the course
name: course
channels: [http://mirror.example/own, conda-forge]
dependencies:
  - python >=3.11
  - numpy=1.10
  - conda-forge::scipy
  - pip
variables:
  OMP_NUM_THREADS: 4
  MODE: no
"""


def told(imported: Imported) -> str:
    return "\n".join(str(note) for note in imported.notes)


def refusal(text: str) -> str:
    with pytest.raises(Problem) as caught:
        parse(text, "yml", SITE)
    said = str(caught.value.sentence)
    assert said.isprintable()
    assert len(said) < 500
    return said


def test_what_conda_exports_is_read() -> None:
    read = parse(EXPORTED, "yml", SITE)
    assert read.name == "vision"
    assert read.channels == (MIRROR,)
    assert read.specs[2] == "python=3.10=h1_2_cpython"
    assert len(read.specs) == 4
    assert read.pip == ("einops==0.8.1", "mylib @ git+https://git.example/mylib@0a1b2c")
    assert "pip install einops==0.8.1 'mylib @ git+https://git.example/mylib@0a1b2c'" in told(read)
    assert "prefix was left out" in told(read)
    assert "/home/bob" not in told(read)


def test_what_people_write_means_what_it_says() -> None:
    read = parse(WRITTEN, "yml", SITE)
    assert read.channels == (OWN, MIRROR)
    assert read.specs == ("python >=3.11", "numpy=1.10", f"{MIRROR}::scipy", "pip")
    assert read.variables == {"OMP_NUM_THREADS": "4", "MODE": "no"}
    assert "OMP_NUM_THREADS, MODE" in told(read)


def test_a_file_without_channels_gets_the_sites() -> None:
    assert parse("dependencies: [numpy]", "yml", SITE).channels == (MIRROR, OWN)


def test_a_channel_by_its_public_address_is_the_mirror() -> None:
    read = parse(f"channels: ['{PUBLIC}/']\ndependencies: [numpy]", "yml", SITE)
    assert read.channels == (MIRROR,)
    assert MIRROR in told(read)


@pytest.mark.parametrize("channel", ["defaults", "bioconda", "https://evil.example/x", "file:///tmp/x"])
def test_a_channel_that_is_not_here_is_refused_by_its_name(channel: str) -> None:
    said = refusal(f"channels: ['{channel}']\ndependencies: [numpy]")
    assert channel in said
    assert "conda-forge, own" in said


@pytest.mark.parametrize("name", ["../../etc", "a/b", "base", "x y", "-n"])
def test_a_name_that_cannot_be_is_no_suggestion(name: str) -> None:
    assert parse(f"name: '{name}'\ndependencies: [numpy]", "yml", SITE).name == ""


def test_options_of_pip_are_left_out_and_told() -> None:
    read = parse("dependencies: [python, {pip: ['--index-url http://evil', '-e .', six]}]", "yml", SITE)
    assert read.pip == ("six",)
    assert "--index-url http://evil, -e ." in told(read)


def test_a_command_for_pip_is_quoted() -> None:
    read = parse("dependencies: [python, {pip: ['six; $(id)']}]", "yml", SITE)
    assert "pip install 'six; $(id)'" in told(read)


def test_parts_that_mean_nothing_here_are_told() -> None:
    assert "platforms" in told(parse("platforms: [linux-64]\ndependencies: [numpy]", "yml", SITE))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("!!python/object/apply:os.system [id]", "Line 1"),
        ("dependencies:\n  - !!python/name:os.system x", "Line 2"),
        ("dependencies: !local [numpy]", "tag"),
        ("dependencies: !!binary aWQ=", "tag"),
        ("a: &a [x, x]\nb: &b [*a, *a]\ndependencies: [*b]", "anchor"),
        ("dependencies: &x [numpy]", "anchor"),
        ("base: {x: y}\n<<: {dependencies: [numpy]}", "second time"),
        ("dependencies: [numpy]\ndependencies: [scipy]", "second time"),
        ("dependencies: [numpy]\n---\nname: x", "second document"),
        ("? [a, b]\n: x\ndependencies: [numpy]", "not a text"),
        ("dependencies: " + "[" * 50 + "]" * 50, "nested"),
        ("dependencies: " + "[" * 100_000, "nested"),
        ("dependencies: [numpy", "not YAML"),
        ("dependencies:\n\t- numpy", "not YAML"),
        ("", "not an environment.yml"),
        ("- numpy", "not an environment.yml"),
        ("numpy", "not an environment.yml"),
        ("dependencies: numpy", "not an environment.yml"),
        ("dependencies: []", "nothing to install"),
        ("dependencies: [{pip: [six]}]", "nothing to install"),
        ("dependencies: [{npm: [left-pad]}]", "short text"),
        ("dependencies: [[numpy]]", "short text"),
        ("dependencies: [{pip: six}]", "list"),
        ("dependencies: ['" + "a" * 501 + "']", "short text"),
        ('dependencies: ["numpy\\nid"]', "short text"),
        ('dependencies: ["numpy\\u202e"]', "short text"),
        ('dependencies: ["numpy\\0"]', "short text"),
        ("variables: [PATH]\ndependencies: [numpy]", "variables"),
        ("channels: {a: b}\ndependencies: [numpy]", "channels"),
        ("dependencies: [--yes]", "option"),
        ("dependencies: ['https://evil.example/x-1-0.conda']", "address"),
        ("dependencies: ['evil::numpy']", "evil"),
        ("dependencies: [" + "a," * 2001 + "]", "2001"),
        ("dependencies: [numpy]\n# \x00", "Line 2"),
    ],
)
def test_what_no_such_file_has_is_refused(text: str, said: str) -> None:
    assert said in refusal(text)


def test_a_file_of_fifty_megabytes_is_not_even_read() -> None:
    assert "256 KiB" in refusal("dependencies:\n" + "- numpy\n" * 6_250_000)


@given(st.text(max_size=200) | st.text(alphabet="dependcis: [numpy]{}&*!-\n'\"", max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parse(text, "yml", SITE)
    except Problem as problem:
        assert str(problem.sentence).isprintable()  # noqa: PT017 - both are right
    else:
        assert read.specs


TREES = st.recursive(
    st.none() | st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=15,
)


@given(TREES)
def test_what_yaml_writes_is_read_as_it_was(tree: careful_yaml.Value) -> None:
    import yaml

    text = yaml.safe_dump(tree, allow_unicode=True)
    try:
        assert careful_yaml.read(text) == tree
    except Problem as problem:
        assert "nested" in problem.sentence.msgid or "second time" in problem.sentence.msgid  # noqa: PT017
