"""What the command says of JupyterHub's configuration when an administrator made a mistake in it."""

from pathlib import Path

import pytest
from jupyterhub.auth import Authenticator, DummyAuthenticator
from traitlets import Int, TraitError, Unicode, validate
from traitlets.config import Configurable

from hpchub.configuration import ConfigurationError, default_path, load


class Login(Configurable):
    threads = Int(16).tag(config=True)
    window = Int(1).tag(config=True)
    name = Unicode().tag(config=True)

    @validate("window")
    def _valid_window(self, proposal: dict[str, int]) -> int:
        if proposal["value"] > 2:
            raise TraitError(f"window is {proposal['value']}; write 0, 1 or 2")
        return proposal["value"]


class OtherLogin(Login):
    pass


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jupyterhub_config.py"


def test_settings_come_from_the_file_and_from_those_that_it_loads(file: Path, tmp_path: Path) -> None:
    file.write_text("c = get_config()\nc.Login.threads = 4\nload_subconfig('site.py')\n")
    (tmp_path / "site.py").write_text("c.Login.threads = 5\n")
    loaded = load(file)
    assert loaded.make("login_class", Login).threads == 5
    assert [path.name for path in loaded.files] == ["jupyterhub_config.py", "site.py"]
    assert loaded.missing == []


def test_a_file_that_is_loaded_and_not_there_is_remembered(file: Path) -> None:
    file.write_text("load_subconfig('/nowhere/site.py')\nc.Login.threads = 4\n")
    loaded = load(file)
    assert loaded.missing == [Path("/nowhere/site.py")]
    assert loaded.make("login_class", Login).threads == 4


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("c.Login.threads = 1\nc.Login.window = (\n", ":2: '(' was never closed"),
        ("c.Login.threads = 1\nnonsense\n", ":2: NameError: name 'nonsense' is not defined"),
        ("def f():\n    return 1 / 0\n\nf()\n", ":4: ZeroDivisionError: division by zero"),
        ("import json\njson.loads('{')\n", ":2: JSONDecodeError: "),
        ("import no_such_module\n", ":1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit('enough')\n", ":1: SystemExit: enough"),
    ],
)
def test_a_fault_is_named_with_file_and_line(file: Path, text: str, sentence: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load(file)
    assert str(refused.value).startswith(f"{file}{sentence}")


def test_a_fault_in_a_file_that_is_loaded_is_named_there(file: Path, tmp_path: Path) -> None:
    file.write_text("\n\nload_subconfig('site.py')\n")
    (tmp_path / "site.py").write_text("\nnonsense\n")
    with pytest.raises(ConfigurationError, match=r"site\.py:2: NameError"):
        load(file)


def test_a_wrong_value_is_named_with_the_line_that_counts(file: Path, tmp_path: Path) -> None:
    file.write_text("c.Login.threads = 4\n# c.Login.threads = 3\nload_subconfig('site.py')\n")
    (tmp_path / "site.py").write_text("c.Login.name = 'x'\nc.Login.threads = 'many'\n")
    with pytest.raises(ConfigurationError, match=r"site\.py:2: The 'threads' trait .* 'many'"):
        load(file).make("login_class", Login)
    (tmp_path / "site.py").write_text("c.Login.window = 9  # generous\n")
    with pytest.raises(ConfigurationError, match=r"site\.py:1: window is 9; write 0, 1 or 2"):
        load(file).make("login_class", Login)


def test_the_class_that_the_hub_uses_is_used(file: Path) -> None:
    file.write_text(
        f"import sys\nc.JupyterHub.login_class = sys.modules[{__name__!r}].OtherLogin\nc.Login.threads = 2\n"
    )
    made = load(file).make("login_class", Login)
    assert type(made) is OtherLogin
    assert made.threads == 2
    file.write_text("c.JupyterHub.authenticator_class = 'dummy'\n")
    assert type(load(file).make("authenticator_class", Authenticator)) is DummyAuthenticator


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("'dummy'", r":1: authenticator_class is DummyAuthenticator, which is no Login"),
        ("'no.such.thing'", r":1: authenticator_class is 'no.such.thing': No module"),
        ("7", r":1: authenticator_class is 7, which is no Login"),
    ],
)
def test_another_kind_of_login_is_said(file: Path, value: str, sentence: str) -> None:
    file.write_text(f"c.JupyterHub.authenticator_class = {value}\n")
    with pytest.raises(ConfigurationError, match=sentence):
        load(file).make("authenticator_class", Login)


def test_the_default_is_the_environments_file_or_the_one_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPCHUB_CONFIG", raising=False)
    assert default_path() == Path("jupyterhub_config.py")
    monkeypatch.setenv("HPCHUB_CONFIG", "/etc/hpchub/config.py")
    assert default_path() == Path("/etc/hpchub/config.py")
    with pytest.raises(ConfigurationError, match=r"/etc/hpchub/config\.py is not there"):
        load(default_path())
