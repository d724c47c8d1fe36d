import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm.hostlist import expand


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gpu01", "gpu01"),
        ("gpu[01-03]", "gpu01 gpu02 gpu03"),
        ("gpu[01-03,07],bigmem01", "gpu01 gpu02 gpu03 gpu07 bigmem01"),
        ("gpu[8-11]", "gpu8 gpu9 gpu10 gpu11"),
        ("gpu[08-11]", "gpu08 gpu09 gpu10 gpu11"),
        ("gpu[099-101]", "gpu099 gpu100 gpu101"),
        ("r[1-2]n[01-03]", "r1n01 r1n02 r1n03 r2n01 r2n02 r2n03"),
        ("r[1,3]n[1-2]-ib", "r1n1-ib r1n2-ib r3n1-ib r3n2-ib"),
        ("queue1-dy-c5xlarge-[1-2]", "queue1-dy-c5xlarge-1 queue1-dy-c5xlarge-2"),
        ("a,b,c", "a b c"),
        ("node.example.org", "node.example.org"),
        ("", ""),
        ("(null)", ""),
        ("n/a", ""),
        ("None assigned", ""),
    ],
)
def test_every_node_of_the_list_is_named(text: str, names: str) -> None:
    assert expand(text) == tuple(names.split())


@pytest.mark.parametrize(
    "text", ["gpu[01-", "gpu01]", "gpu[a-b]", "gpu[3-1]", "gpu[[1]]", "a,,b", "gpu 01", "gpu[]"]
)
def test_a_broken_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        expand(text)


def test_a_mistyped_range_does_not_eat_the_memory() -> None:
    for text in ("n[0-999999999]", "n[0-9999]m[0-9999]"):
        with pytest.raises(ValueError, match=r"hosts"):
            expand(text)


@given(st.lists(st.integers(0, 999), min_size=1, max_size=20))
def test_a_list_of_single_numbers_comes_back(numbers: list[int]) -> None:
    inside = ",".join(f"{number:03d}" for number in numbers)
    assert expand(f"n[{inside}]") == tuple(f"n{number:03d}" for number in numbers)
