"""What the doctor says of the machine's clock."""

import pytest

from hpchub.clock import Discipline, findings_of, kernel_state
from hpchub.findings import Level


@pytest.mark.parametrize(
    ("state", "level", "seen"),
    [
        (Discipline(kept=True, error_seconds=0.0123), Level.OK, "yes, to 0.012 s at worst"),
        (Discipline(kept=True, error_seconds=16.0), Level.WARNING, "it may be wrong by up to 16.0 s"),
        (Discipline(kept=False, error_seconds=0.0), Level.WARNING, "the kernel knows of nobody who keeps it"),
        (None, Level.WARNING, "this system does not tell whether it is"),
    ],
)
def test_a_clock_that_nobody_keeps_is_a_warning_with_what_to_do(
    state: Discipline | None, level: Level, seen: str
) -> None:
    finding = findings_of(state)
    assert (finding.level, finding.seen) == (level, seen)
    assert bool(finding.do) == (level is not Level.OK)


def test_the_kernel_is_asked_and_answers_something_plausible() -> None:
    state = kernel_state()
    if state is None:
        pytest.skip("this system does not tell")
    # STA_UNSYNC goes with the kernel's own limit of 16 s.
    assert 0 <= state.error_seconds <= 16.01
