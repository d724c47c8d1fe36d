"""What this spawner takes from the inside of the hub: a version that changes it fails here, not at a server.

Each test says what relies on it. When one fails after an update of JupyterHub, read what it names there, and
the module here, before the test is changed.
"""

import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner
from jupyterhub.user import User

FLAGS = ("_spawn_pending", "_stop_pending", "_check_pending", "_proxy_pending", "_rename_pending")


def source(of: Any) -> str:
    return inspect.getsource(inspect.unwrap(of))


@pytest.mark.parametrize(
    ("flag", "word"), [("_spawn_pending", "spawn"), ("_stop_pending", "stop"), ("_check_pending", "check")]
)
def test_flag_makes_a_server_pending(flag: str, word: str) -> None:
    """`requeue` and `resume` set them; the hub's pages, and its Stop, heed them."""
    assert getattr(Spawner, flag) is False
    flags = {**dict.fromkeys(FLAGS, False), flag: True}
    assert Spawner.pending.fget(SimpleNamespace(**flags)) == word
    assert Spawner.ready.fget(SimpleNamespace(pending=word, server=object())) is False


def test_wait_that_a_page_can_cancel_is_the_spawn_future() -> None:
    """`requeue.wait_again` and `resume._wait_on` put theirs there."""
    assert Spawner._spawn_future is None
    assert "spawner._spawn_future = maybe_future(finish_user_spawn())" in source(
        BaseHandler.spawn_single_user
    )


def test_hub_checks_its_servers_in_one_place_and_before_it_waits_for_anything() -> None:
    """`resume` answers `poll` there, and `waking` goes before it."""
    text = source(JupyterHub.init_spawners)
    for words in ("status = await spawner.poll()", "spawner._check_pending = True", "await user.stop(name)"):
        assert words in text
    assert text.index("check_futures.append(f)") < text.index("await asyncio.gather(*check_futures)")


def test_start_that_takes_too_long_is_cancelled_and_then_stopped() -> None:
    """`starting.start` shields its submission for that, and `stop` waits for it."""
    text = source(User.spawn)
    assert "await asyncio.wait_for(f, timeout=spawner.start_timeout)" in text
    assert text.index("asyncio.wait_for(f") < text.index("await self.stop(spawner.name)")


def test_stop_asks_first_whether_there_is_anything_to_stop_and_forgets_in_any_case() -> None:
    """`poll` says so while sbatch runs; `stop` leaves what Slurm did not hear to `abandoned`."""
    text = source(User.stop)
    order = ["await spawner.poll()", "await spawner.stop()", "finally:", "spawner.clear_state()"]
    assert [text.index(words) for words in order] == sorted(text.index(words) for words in order)
    assert "spawner.orm_spawner.state = spawner.get_state()" in text[text.index("finally:") :]


def test_hub_gives_a_ready_server_its_missing_route_and_no_other() -> None:
    """A requeued server is not ready until it has its new address; see `requeue`."""
    assert "if spawner.ready:" in source(Proxy.check_routes)
