"""Which channel is meant, and that a package comes from nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.channels import Channels
from tests.environments.files.kit import MIRROR, OWN, PUBLIC, site

CHANNELS = site().all_channels()


@pytest.mark.parametrize(
    ("called", "address"),
    [
        ("conda-forge", MIRROR),
        (PUBLIC, MIRROR),
        (f"{PUBLIC}/", MIRROR),
        (MIRROR, MIRROR),
        ("own", OWN),
        ("defaults", None),
        ("", None),
        ("https://channels.example/own", None),
        ("https://channels.example", None),
        ("http://mirror.example", None),
        ("http://mirror.example/conda-forge/../own", None),
        ("http://me@mirror.example/own", None),
    ],
)
def test_a_channel_is_known_by_its_names_alone(called: str, address: str | None) -> None:
    assert CHANNELS.address(called) == address


@pytest.mark.parametrize(
    ("url", "here"),
    [
        (f"{PUBLIC}/linux-64/a-1.0-h_0.conda", f"{MIRROR}/linux-64/a-1.0-h_0.conda"),
        (f"{OWN}/noarch/a-1.0-0.tar.bz2", f"{OWN}/noarch/a-1.0-0.tar.bz2"),
        (f"{OWN}/linux-64/a-1%212.0-0.conda", f"{OWN}/linux-64/a-1%212.0-0.conda"),
        ("https://channels.example/own/linux-64/a-1-0.conda", None),
        (f"{OWN}/linux-64/../../evil/linux-64/a-1-0.conda", None),
        (f"{OWN}/label/dev/linux-64/a-1-0.conda", None),
        (f"{OWN}/linux-64/%2e%2e/a-1-0.conda", None),
        (f"{OWN}/linux-64/a-1-0.conda?x", None),
        (f"{OWN}/linux-64/a-1-0.sh", None),
        (f"{OWN}/linux-64/a.conda", None),
        (f"{OWN}/win-64/a-1-0.conda", None),
        ("http://mirror.example.evil/own/linux-64/a-1-0.conda", None),
        ("file:///tmp/a-1-0.conda", None),
        ("a-1-0.conda", None),
    ],
)
def test_a_package_comes_from_a_channel_of_the_site(url: str, here: str | None) -> None:
    assert CHANNELS.package(url) == here


@given(
    st.text(max_size=80) | st.text(alphabet="htps:/mirror.exampleown64-1.cd", max_size=80).map(OWN.__add__)
)
def test_no_text_is_a_package_from_elsewhere(url: str) -> None:
    here = CHANNELS.package(url)
    assert here is None or here.startswith((f"{MIRROR}/", f"{OWN}/"))


def test_a_site_with_a_way_out_takes_what_others_have() -> None:
    free = Channels((OWN,), {}, {MIRROR: PUBLIC}, foreign=True)
    assert Channels((OWN,), {}, foreign=True).address("bioconda") is None
    assert free.address("bioconda") == "https://channels.example/bioconda"
    assert free.package("https://repo.example/x/linux-64/a-1-0.conda") is not None
    assert free.address("../x") is None
    assert free.package("https://me:pw@repo.example/x/linux-64/a-1-0.conda") is None


def test_a_mirror_has_a_public_name_and_a_substitute_has_none() -> None:
    assert CHANNELS.called(MIRROR) == "conda-forge"
    stands_for = Channels((OWN,), {"conda-forge": OWN, PUBLIC: OWN})
    assert stands_for.address(PUBLIC) == OWN
    assert stands_for.called(OWN) == OWN


def test_two_channels_of_one_name_are_known_by_their_addresses_only() -> None:
    two = Channels(("http://a.example/main", "http://b.example/main"), {})
    assert two.address("main") is None
    assert two.address("http://b.example/main/") == "http://b.example/main"
