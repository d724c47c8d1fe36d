"""What is decided from texts and numbers alone."""

from pathlib import Path

import pytest

from environments.history import requested_in, revision
from environments.keeping import Kept, match_name, merged, what_goes
from environments.reporting import Reporter
from environments.signs import Signs, is_alive

HISTORY = """==> 2026-01-01 10:00:00 <==
# cmd: /opt/conda/bin/conda create -n x python=3.11 numpy
# conda version: 24.1.0
+conda-forge/linux-64::python-3.11.0-0
# update specs: ['python=3.11', 'numpy[version=">=1,<2"]']
==> 2026-01-02 10:00:00 <==
# cmd: conda remove numpy
# remove specs: ['numpy']
==> 2026-01-03 10:00:00 <==
# update specs: ["scipy"]
"""


def _kept(name: str, *needs: str) -> Kept:
    return Kept(name, frozenset(needs), name, Path(name))


def test_condas_own_history_is_understood() -> None:
    assert requested_in(HISTORY) == ["python=3.11", "scipy"]
    assert requested_in("") == []
    assert requested_in("# update specs: [broken") == []


def test_what_was_removed_is_no_longer_asked_for() -> None:
    text = revision(["c/s::a-1-0"], [], command="x", remove=["a"], at=0.0)
    assert requested_in('# update specs: ["a", "b"]\n' + text) == ["b"]


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("numpy", "numpy"),
        ("conda-forge::numpy>=1.2", "numpy"),
        ("NumPy 1.2.*", "numpy"),
        ("r-base[version='>4']", "r-base"),
        ("a~=1", "a"),
    ],
)
def test_the_name_is_found_in_any_spec(spec: str, name: str) -> None:
    assert match_name(spec) == name


def test_the_newest_word_on_a_package_counts() -> None:
    assert merged(["a=1", "b"], ["a=2"], ["b"]) == ["a=2"]


def test_what_others_need_stays_when_something_goes() -> None:
    kept = [_kept("app", "lib", "shared"), _kept("lib"), _kept("shared"), _kept("other", "shared")]
    assert what_goes(kept, ["app"], ["app", "other"]) == {"app", "lib"}
    assert what_goes(kept, ["app"], []) == {"app"}
    assert what_goes(kept, ["shared"], ["app", "other"]) == {"shared", "app", "other", "lib"}


@pytest.mark.parametrize(
    ("bytes_moved", "seconds", "alive"), [(0, 0.01, False), (1, 0.0, True), (0, 0.9, True), (0, 0.1, False)]
)
def test_waking_up_now_and_then_is_no_sign_of_life(bytes_moved: int, seconds: float, alive: bool) -> None:
    assert is_alive(Signs(0.0, 100, 5.0), Signs(1.0, 100 + bytes_moved, 5.0 + seconds)) is alive


def test_progress_counts_only_what_must_be_fetched_and_never_too_much() -> None:
    reporter = Reporter({"a": 100, "b": 50}, {"a"})
    token = reporter.on_populate_cache_start(0, "a")
    reporter.on_download_progress(reporter.on_download_start(token), 70, 100)
    assert reporter.progress()["bytes_done"] == 70
    assert reporter.progress()["current"] == "a"
    reporter.on_download_progress(token, 500, None)
    reporter.on_populate_cache_complete(token)
    reporter.on_populate_cache_complete(reporter.on_populate_cache_start(1, "b"))
    reporter.on_something_that_a_later_release_reports(1, 2)
    reporter.on_transaction_operation_complete(0)
    told = reporter.progress()
    assert (told["bytes_done"], told["bytes_total"]) == (100, 100)
    assert (told["packages_done"], told["packages_total"]) == (1, 2)
