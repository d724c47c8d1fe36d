"""What survives a restart of the hub."""

from spawner.ticket import Ticket, job_name


def test_ticket_comes_back_as_it_was_saved() -> None:
    ticket = Ticket(name="hpchub/u/default/1", token_digest="d", language="ko", host="gpu01", port=40123)
    assert Ticket.from_state({**ticket.to_state(), "job_id": "7", "of_a_later_version": 1}) == ticket


def test_two_starts_never_have_the_same_job_name() -> None:
    assert job_name("hub", "user", "") != job_name("hub", "user", "")


def test_job_name_is_one_word_whatever_the_server_is_called() -> None:
    name = job_name("hub", "a1113a01", "my server|;\n名" + "x" * 200)
    assert name.count("/") == 3
    assert name.isascii()
    assert " " not in name
    assert "|" not in name
    assert len(name) < 200
