"""Notices: the user is told once what happened, and of a flood the newest."""

from authenticator.store import Store
from tests.authenticator.store.kit import NOW, USER


def test_a_notice_waits_until_it_was_seen(store: Store) -> None:
    store.notices.add(USER, "reset", by="admin", now=NOW)
    store.notices.add("other001", "enrolled", by="other001", now=NOW)
    (notice,) = store.notices.unseen(USER)
    assert (notice.event, notice.by, notice.created.timestamp()) == ("reset", "admin", NOW)
    store.notices.seen(USER)
    assert store.notices.unseen(USER) == []
    assert len(store.notices.unseen("other001")) == 1


def test_what_happens_while_the_user_reads_is_shown_the_next_time(store: Store) -> None:
    store.notices.add(USER, "reset", by="admin", now=NOW)
    (shown,) = store.notices.unseen(USER)
    store.notices.add(USER, "disabled", by="admin", now=NOW)
    store.notices.seen(USER, up_to=shown.id)
    assert [notice.event for notice in store.notices.unseen(USER)] == ["disabled"]


def test_of_many_the_twenty_newest_stay_oldest_first(store: Store) -> None:
    for number in range(25):
        store.notices.add(USER, f"event{number}", by="admin", now=NOW)
    assert [notice.event for notice in store.notices.unseen(USER)] == [f"event{n}" for n in range(5, 25)]
