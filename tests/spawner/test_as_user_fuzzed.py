"""The helper under fire: whatever comes in, one line comes out, and sbatch hears only what is allowed."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.spawner.helper import JOB, NOBODY, Site

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="switches to an ordinary account, which needs root")

# What is drawn is the same in every run: a failure can be had again.
MANY = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
WORD = r"[A-Za-z0-9._][A-Za-z0-9._-]{0,63}"
Ask = Callable[[bytes], dict[str, Any]]
# Everything that sbatch may ever be told; no other program is run but scancel.
CLOSED = [
    re.compile(pattern)
    for pattern in (
        r"--(parsable|test-only|no-requeue|exclusive|nodes=1|ntasks=1|export=ALL|chdir=/)",
        r"--job-name=[A-Za-z0-9._/@+-]{1,200}",
        rf"--(partition|account|constraint|qos|reservation)={WORD}",
        r"--(time|cpus-per-task)=[0-9]{1,6}",
        r"--mem=[0-9]{1,13}M",
        r"--gres=[a-z_]+(:[A-Za-z0-9._-]+){0,2}(,[a-z_]+(:[A-Za-z0-9._-]+){0,2})*",
        r"--comment=[^\x00-\x1f\x7f]{0,500}",
        r"--output=/.*/open/nobody/log/%j\.log",
        r"--chdir=/.*/open/nobody/workspace",
        r"--jobname=[A-Za-z0-9._/@+-]{1,200}",
        r"[0-9]{1,12}",
    )
]
HOSTILE = (
    "--uid=0",
    "--wrap=reboot",
    "-D/",
    "x --uid=0",
    "x\n#SBATCH --uid=0",
    "#SBATCH --partition=paid",
    "x\r\ny",
    "x\u2028y",
    "$(reboot)",
    "`reboot`",
    "x;reboot",
    "x|y",
    "x&&y",
    "../../etc/shadow",
    "%j%u",
    "x\0y",
    "x=y",
    "\u202ex",
    "\u0661\u0662",  # digits, for str.isdigit and \\d
    "\uff0d\uff0duid",
    "\ud800",
    "x" * 70_000,
    "",
    " ",
    "gpu:1,--wrap=x",
    "gpu:1:2:3:4",
)
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([10**20, -(10**20), 2**63, 0, -1]),
    st.floats(allow_nan=False, allow_infinity=False),
)
WORDS = st.one_of(st.text(), st.sampled_from(HOSTILE))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        made = Site(Path(name))
        made.configure(certificates=f"{name}/open/{{user}}/tls")
        yield made


# The installed program, loaded once and asked often: an interpreter for each request takes minutes.
STAYS = """
import base64, importlib.machinery, importlib.util, json, sys
loader = importlib.machinery.SourceFileLoader("helper", sys.argv[1])
helper = importlib.util.module_from_spec(importlib.util.spec_from_loader("helper", loader))
loader.exec_module(helper)
for line in sys.stdin:
    print(json.dumps(helper.reply_to(base64.b64decode(line))), flush=True)
"""


@pytest.fixture(scope="module")
def staying(site: Site) -> Iterator[Ask]:
    """Give the helper as a process that answers one request after the other, and says nothing besides."""
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    argv = [*become, "/usr/bin/python3", "-I", "-B", "-c", STAYS, str(site.program)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        ask, answer = process.stdin, process.stdout

        def reply(raw: bytes) -> dict[str, Any]:
            ask.write(base64.b64encode(raw) + b"\n")
            ask.flush()
            return dict(json.loads(answer.readline()))

        yield reply
        assert process.communicate(timeout=10) == (b"", b"")
        assert process.returncode == 0


def fire(site: Site, raw: bytes, ask: Ask | None = None) -> dict[str, Any]:
    """Send it; `Site.reply` sees that one line comes back, with exit status 0 and no word of a traceback."""
    site.seen.unlink(missing_ok=True)
    reply = (ask or site.reply)(raw)
    assert not str(reply.get("message", "")).startswith("unexpected")
    assert isinstance(reply["ok"], bool)
    assert "Traceback" not in json.dumps(reply)
    if site.seen.exists():
        argv = site.record()["argv"]
        assert all(any(form.fullmatch(word) for form in CLOSED) for word in argv), argv
        variables = set(site.record()["env"])
        assert all(re.match(r"(JUPYTERHUB|JPY|HPCHUB|MEM|CPU)_|[A-Z_]+\Z", name) for name in variables)
        assert not any(name.startswith(("SBATCH_", "LD_", "BASH_", "PYTHON")) for name in variables)
    else:
        assert not reply["ok"] or "lines" in reply
    return reply


@MANY
@given(st.binary(max_size=300))
def test_any_bytes(site: Site, staying: Ask, raw: bytes) -> None:
    assert fire(site, raw, staying)["kind"] == "invalid"


@MANY
@given(VALUES)
def test_any_json(site: Site, staying: Ask, value: Any) -> None:
    assert fire(site, json.dumps(value).encode(), staying)["kind"] == "invalid"


@MANY
@given(st.sampled_from(["submit", "expected", "cancel", "log", "shell", ""]), st.dictionaries(WORDS, VALUES))
def test_any_keys_beside_a_verb(site: Site, staying: Ask, verb: str, keys: dict[str, Any]) -> None:
    assert fire(site, json.dumps({**keys, "verb": verb}).encode(), staying)["kind"] == "invalid"


@MANY
@given(st.sampled_from(sorted(set(JOB) - {"verb"})), VALUES, st.sampled_from(["submit", "expected"]))
def test_any_value_in_a_request_that_is_right_otherwise(
    site: Site, staying: Ask, key: str, value: Any, verb: str
) -> None:
    request = {**JOB, "verb": verb, key: value}
    if verb == "expected":
        for name in ("name", "script", "environment"):
            request.pop(name, None)
    fire(site, json.dumps(request).encode(), staying)


@pytest.mark.parametrize("key", sorted(set(JOB) - {"verb", "environment", "script"}))
def test_hostile_text_in_every_field(site: Site, staying: Ask, key: str) -> None:
    for text in HOSTILE:
        reply = fire(site, json.dumps({**JOB, key: text}).encode(), staying)
        # A comment is free text on one line; it is one argument, whatever it says.
        allowed = key == "comment" and text.isprintable() and len(text) <= 500
        assert reply["ok"] is allowed, (key, text[:80])


@pytest.mark.parametrize(
    "text", [text for text in HOSTILE if "\0" not in text and "\ud800" not in text and text]
)
def test_hostile_script_reaches_sbatch_as_it_is_and_only_as_its_input(site: Site, text: str) -> None:
    assert fire(site, json.dumps({**JOB, "script": f"#!/bin/sh\n{text}\n"}).encode())["ok"]
    assert site.record()["stdin"].splitlines() == f"#!/bin/sh\n{text}\n".splitlines()


@pytest.mark.parametrize("name", [*HOSTILE, "LD_PRELOAD", "BASH_ENV", "SBATCH_UID", "PATH", "JUPYTERHUB_x"])
def test_hostile_name_of_a_variable_is_refused(site: Site, staying: Ask, name: str) -> None:
    assert fire(site, json.dumps({**JOB, "environment": {name: "x"}}).encode(), staying)["kind"] == "invalid"


@pytest.mark.parametrize("value", ["\0", "\ud800x", "x" * 70_000, None, 7, ["x"], {}])
def test_hostile_value_of_a_variable_is_refused(site: Site, value: Any) -> None:
    reply = fire(site, json.dumps({**JOB, "environment": {"JUPYTERHUB_X": value}}).encode())
    assert reply["kind"] == "invalid"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"[" * 200_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
        (b'{"verb": "log", "job_id": "1", "lines": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"verb": "log", "job_id": "1", "lines": 1e999}', "lines"),
        (b'{"verb": "log", "job_id": "1", "lines": NaN}', "NaN"),
        (b'{"verb": "log", "job_id": "1", "lines": -Infinity}', "-Infinity"),
        (b'{"verb": "log", "verb": "cancel"}', "twice"),
        (b'{"verb": "log", "job_id": "1", "lines": 1, "lines": 2}', "twice"),
        (b'{"verb": ["log"]}', "unknown verb"),
        (b'{"verb": {"log": 1}}', "unknown verb"),
        (b'{"verb": null}', "unknown verb"),
        (b'"\\ud800"', "not a JSON object"),
        (b'{"verb": "\\ud800"}', "unknown verb"),
        (b"\xff\xfe\x00\xd8", "not JSON"),
        (b"", "not JSON"),
        (b"{}{}", "not JSON"),
        (b" " * 10_000_000, "larger"),
        (json.dumps({**JOB, "script": "x" * 10_000_000}).encode(), "larger"),
    ],
)
def test_clean_refusal(site: Site, raw: bytes, words: str) -> None:
    reply = fire(site, raw)
    assert reply["kind"] == "invalid"
    assert words in reply["message"]


@pytest.mark.parametrize(
    "certificates",
    [
        None,
        "x",
        {},
        {"key": "k", "certificate": "c", "ca": "a"},
        {"key": "k", "certificate": "c", "ca": "a", "keep": [], "path": "/etc"},
        {"key": "k", "certificate": "c", "ca": "a", "keep": ["../../x y"]},
        {"key": "k", "certificate": "c", "ca": "a", "keep": "x"},
        {"key": "", "certificate": "c", "ca": "a", "keep": []},
        {"key": "\0", "certificate": "c", "ca": "a", "keep": []},
    ],
)
def test_certificates_of_another_form_are_refused(site: Site, certificates: Any) -> None:
    reply = fire(site, json.dumps({**JOB, "certificates": certificates}).encode())
    assert reply["ok"] is (certificates is None)


@pytest.mark.parametrize(
    ("content", "words"), [("{", "not JSON"), ("[]", "'sbatch'"), ('{"sbatch": "/x"}', "'scancel'")]
)
def test_settings_that_cannot_be_used_are_a_reply_too(site: Site, content: str, words: str) -> None:
    kept = site.settings.read_text()
    site.settings.write_text(content)
    try:
        assert words in fire(site, json.dumps(JOB).encode())["message"]
    finally:
        site.settings.write_text(kept)
