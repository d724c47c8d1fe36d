"""What the spawner says of settings that cannot be meant."""

import pytest
from traitlets import TraitError

from spawner.settings import SpawnerSettings


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("over_limit", "maybe", "SlurmGPUSpawner.over_limit is 'maybe'; write 'refuse' or 'wait'"),
        (
            "comment",
            "{servername}",
            "SlurmGPUSpawner.comment is '{servername}': it has {servername}, which nobody fills in; write",
        ),
        ("comment", "a\nb", "it has more than one line; write one"),
    ],
)
def test_a_setting_that_cannot_be_meant_says_what_to_write(setting: str, value: str, words: str) -> None:
    with pytest.raises(TraitError) as refusal:
        SpawnerSettings(**{setting: value})
    assert words in str(refusal.value)


def test_settings_that_were_always_right_still_are() -> None:
    settings = SpawnerSettings(comment="jupyter {username}", over_limit="wait")
    assert (settings.comment, settings.over_limit) == ("jupyter {username}", "wait")
