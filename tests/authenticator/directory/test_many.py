"""A term's worth of logins leaves nothing behind."""

import dataclasses
import gc
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from authenticator.directory import Directory, DirectorySettings
from authenticator.directory.tls import Endpoint
from authenticator.errors import Refused, Unavailable
from authenticator.workers import Deadline
from tests.authenticator.directory.listeners import Listener
from tests.authenticator.directory.small_slapd import PASSWORD, person, running
from tests.authenticator.kit import Slapd, open_descriptors
from tests.ports import free_port

PEOPLE = ("ann", "bob", "eve")
LOG = logging.getLogger("hpchub.test")


def held() -> tuple[int, int]:
    """Return descriptors and threads; what an exception's cycle keeps open is not for ever."""
    gc.collect()
    return open_descriptors(), threading.active_count()


def log_in(door: Directory, number: int) -> bool:
    password = PASSWORD if number % 2 else "not the password"
    try:
        return bool(door.check(PEOPLE[number % len(PEOPLE)], password.encode(), Deadline(60)))
    except Refused:
        return False


def test_a_thousand_good_and_bad_binds_leave_descriptors_and_threads_as_they_were() -> None:
    with running(person("ann") | person("bob") | person("eve")) as slapd, ThreadPoolExecutor(4) as pool:
        door = Directory(slapd.settings(connect_timeout=20, receive_timeout=20), LOG)
        list(pool.map(lambda number: log_in(door, number), range(8)))
        before = held()
        outcomes = list(pool.map(lambda number: log_in(door, number), range(1000)))
        descriptors, threads = held()
        assert descriptors <= before[0]
        assert threads == before[1]
    assert outcomes == [False, True] * 500


def test_servers_that_are_of_no_use_leave_no_descriptor_behind(
    settings: DirectorySettings, slapd: Slapd
) -> None:
    """ldap3 forgets sockets that it could not connect, or not with TLS."""
    with Listener(hang_up=True) as rude:
        uris = (
            f"ldaps://localhost:{free_port()}",
            f"ldap://localhost:{rude.port}",
            f"ldaps://127.0.0.1:{rude.port}",
        )
        before = open_descriptors()
        for uri in uris * 30:
            door = Directory(dataclasses.replace(settings, servers=(Endpoint(uri),)), LOG)
            try:
                door.check("a1113a01", b"x", Deadline(5))
            except Unavailable:
                continue
        rude.forget()
        assert open_descriptors() == before
