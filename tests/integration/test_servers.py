"""A server's life: waiting, working, stopping, and all the ways in which its job can end."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.centre import RunningCentre
from tests.person import Login, Person

pytestmark = pytest.mark.centre


def test_notebook_runs_in_a_job_of_the_user_and_stop_gives_the_node_back(
    empty: RunningCentre, anna: Person
) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    anna.until("ready")
    shown = empty.run(["scontrol", "-o", "show", "job", job]).stdout
    assert "UserId=a1113a01(" in shown
    assert "Partition=jupyter" in shown
    assert "TimeLimit=01:00:00" in shown
    assert "Requeue=0" in shown
    assert anna.get("user/a1113a01/").url.path == "/user/a1113a01/tree"
    assert anna.get("user/a1113a01/lab").status_code == 200
    anna.stop()
    assert empty.job_state(job) in ("COMPLETING", "CANCELLED", "")


def test_lab_is_the_first_page_when_lab_was_chosen(anna: Person) -> None:
    anna.submit(queue="jupyter", hours="1", interface="lab")
    anna.until("ready")
    assert anna.get("user/a1113a01/").url.path == "/user/a1113a01/lab"


def test_exclusive_queue_gives_the_whole_node_with_its_gpus(empty: RunningCentre, login: Login) -> None:
    person = login("a1113a02")
    person.submit(queue="amd_a100_4", hours="1", account="proj02")
    job = person.job_id()
    person.until("ready")
    shown = empty.run(["scontrol", "-o", "-d", "show", "job", job]).stdout
    assert "Account=proj02" in shown
    assert "gres/gpu=4" in shown
    assert "OverSubscribe=NO" in shown
    person.stop()


def test_example_notebook_lies_in_the_workspace(empty: RunningCentre, anna: Person) -> None:
    anna.submit(queue="jupyter", hours="1")
    anna.until("ready")
    anna.get("user/a1113a01/tree")  # passes the server's own door
    listed = anna.get("user/a1113a01/api/contents?content=1").json()
    names = [item["name"] for item in listed["content"]]
    assert any(name.endswith(".ipynb") for name in names)
    assert empty.run(["stat", "-c", "%a %U", "/scratch/a1113a01/workspace"]).stdout.split() == [
        "700",
        "a1113a01",
    ]


def test_waiting_page_tells_job_state_and_reason_in_words(
    empty: RunningCentre, anna: Person, busy: str
) -> None:
    anna.submit(queue="jupyter", hours="1")
    told = anna.event_with("reason", "waiting for nodes: all 5 are busy")
    assert (told["phase"], told["state"], told["ahead"]) == ("waiting", "PENDING", 0)
    assert told["job_id"] in told["message"]


def test_waiting_page_tells_how_many_are_ahead(empty: RunningCentre, anna: Person, busy: str) -> None:
    empty.submit("a1113a03", "--partition=jupyter", "--gres=shard:1", "--account=proj02", "--time=5")
    anna.submit(queue="jupyter", hours="1")
    told = anna.event_with("ahead", 1)
    # Slurm calls it the one or the other, depending on which of its loops looked last.
    assert told["reason"] in ("others are before it in the queue", "waiting for nodes: all 5 are busy")


def test_waiting_page_changes_its_language_while_it_waits(
    empty: RunningCentre, anna: Person, busy: str
) -> None:
    anna.submit(queue="jupyter", hours="1")
    assert "waits" in anna.event_with("state", "PENDING")["message"]
    anna.post("hub/language", {"lang": "ko", "next": "/hub/spawn-pending/a1113a01"})
    try:
        assert "대기 중" in anna.event_with("state", "PENDING")["message"]
    finally:
        anna.post("hub/language", {"lang": "en", "next": "/hub/home"})


def test_cancel_on_the_waiting_page_cancels_the_job(empty: RunningCentre, anna: Person, busy: str) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    assert empty.wait_for_job(job, "PENDING")
    anna.stop()
    assert empty.wait_for_job(job, "CANCELLED", "") in ("CANCELLED", "")


def test_job_cancelled_by_an_administrator_while_pending_is_told(
    empty: RunningCentre, anna: Person, busy: str
) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    empty.wait_for_job(job, "PENDING")
    empty.run(["scancel", job])
    anna.until("stopped")
    page = anna.get("hub/spawn-pending/a1113a01")
    assert f"Job {job} was cancelled" in page.text


def test_job_cancelled_by_an_administrator_while_running_is_told(empty: RunningCentre, anna: Person) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    anna.until("ready")
    empty.run(["scancel", job])
    anna.until("stopped")
    assert f"Job {job} was cancelled" in anna.get("hub/home").text


def test_server_that_dies_at_once_shows_the_end_of_its_log(empty: RunningCentre, anna: Person) -> None:
    # As users do: a broken line in their own configuration.
    config = f"{empty.run(['sh', '-c', 'echo ~'], 'a1113a01').stdout.strip()}/.jupyter"
    program = (
        'mkdir -p "$1"; echo \'raise SystemExit("<b>broken by hand</b>")\' > "$1/jupyter_server_config.py"'
    )
    empty.run(["sh", "-c", program, "sh", config], "a1113a01")
    try:
        anna.submit(queue="jupyter", hours="1")
        anna.until("stopped")
        page = anna.get("hub/spawn-pending/a1113a01")
        assert "&lt;b&gt;broken by hand&lt;/b&gt;" in page.text
        assert "<b>broken by hand</b>" not in page.text
    finally:
        empty.run(["rm", "-r", config], "a1113a01")


def jobs(centre: RunningCentre) -> list[str]:
    return centre.run(["squeue", "-h", "-u", "a1113a01", "-t", "PENDING,RUNNING", "-o", "%i"]).stdout.split()


def until_no_job(centre: RunningCentre, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while left := jobs(centre) or centre.processes_of("a1113a01"):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def test_stop_while_sbatch_runs_leaves_no_job(empty: RunningCentre, anna: Person) -> None:
    with ThreadPoolExecutor(2) as pool:
        with empty.hanging("slurmctld"):
            pool.submit(anna.start, queue="jupyter", hours=1)
            deadline = time.monotonic() + 90
            while not any("sbatch" in words for words in empty.processes_of("a1113a01").values()):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            pool.submit(anna.stop, wait=False)
            time.sleep(2)
        anna.until("stopped")
    until_no_job(empty)


def test_stop_while_the_server_starts_leaves_no_job(empty: RunningCentre, anna: Person) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    empty.wait_for_job(job, "RUNNING")
    anna.stop()
    until_no_job(empty)


def test_stop_pressed_twice_is_one_stop(empty: RunningCentre, anna: Person) -> None:
    anna.submit(queue="jupyter", hours="1")
    anna.until("ready")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _press: anna.stop(wait=False).status_code, range(2)))
    assert set(answers) <= {202, 204}
    anna.until("stopped")
    until_no_job(empty)


@pytest.mark.parametrize("way", ["form", "REST"])
def test_start_pressed_twice_is_one_job(empty: RunningCentre, anna: Person, busy: str, way: str) -> None:
    def press(_tab: int) -> int:
        if way == "form":
            return anna.submit(queue="jupyter", hours="1").status_code
        return anna.start(queue="jupyter", hours=1).status_code

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(press, range(3)))
    assert set(answers) <= {200, 201, 202, 400}, answers
    assert len(set(answers) & {200, 201, 202}) >= 1
    assert jobs(empty) == [anna.job_id()]
    # And from a tab that was open all the time.
    assert press(0) in (200, 202, 400)
    assert len(jobs(empty)) == 1
    anna.stop()
    assert jobs(empty) == []


def test_job_cancelled_by_an_administrator_while_starting_is_told(empty: RunningCentre, anna: Person) -> None:
    anna.submit(queue="jupyter", hours="1")
    job = anna.job_id()
    empty.wait_for_job(job, "RUNNING")
    empty.run(["scancel", job])
    anna.until("stopped")
    assert f"Job {job} was cancelled" in anna.get("hub/spawn-pending/a1113a01").text
    until_no_job(empty)


def test_two_servers_of_one_user_are_two_jobs(empty: RunningCentre, anna: Person) -> None:
    anna.submit(queue="jupyter", hours="1")
    assert anna.start("second", queue="jupyter", hours=1).status_code in (201, 202)
    anna.until("ready")
    anna.until("ready", "second")
    names = empty.run(["squeue", "-h", "-u", "a1113a01", "-o", "%j"]).stdout.split()
    assert sorted(name.split("/")[2] for name in names) == ["default", "second"]
    anna.stop("second")
    assert anna.state() == "ready"


def test_logout_gives_up_a_server_that_still_waits(empty: RunningCentre, busy: str) -> None:
    person = Person(empty.url, "hpcadmin")
    person.try_login(empty.otp("hpcadmin"), empty.password("hpcadmin"))
    person.submit(queue="jupyter", hours="1")
    job = person.job_id()
    empty.wait_for_job(job, "PENDING")
    person.get("hub/logout")
    assert empty.wait_for_job(job, "CANCELLED", "") in ("CANCELLED", "")
    person.close()


def test_logout_stops_all_servers_of_the_user(empty: RunningCentre) -> None:
    person = Person(empty.url, "a1113a03")
    person.try_login(empty.otp("a1113a03"), empty.password("a1113a03"))
    person.submit(queue="jupyter", hours="1")
    person.until("ready")
    assert empty.run(["squeue", "-h", "-u", "a1113a03"]).stdout != ""
    person.get("hub/logout")
    deadline = time.monotonic() + 60
    while left := empty.run(["squeue", "-h", "-u", "a1113a03", "-t", "RUNNING,PENDING"]).stdout:
        assert time.monotonic() < deadline, f"it still runs after the logout: {left}"
        time.sleep(0.2)
    person.close()
