"""A server that runs: what its card, its log and its own token tell, more time, and Stop without scripts."""

from __future__ import annotations

import re
import time

import httpx
import pytest

from tests.centre import RunningCentre
from tests.person import Login, Person

pytestmark = pytest.mark.centre


def limit_of(centre: RunningCentre, job: str) -> str:
    shown = centre.run(["scontrol", "-o", "show", "job", job]).stdout
    found = re.search(r"TimeLimit=(\S+)", shown)
    assert found, shown
    return found[1]


def running(person: Person, name: str = "", **options: object) -> str:
    """Start a server on the free queue; return its job's id."""
    person.start(name, **{"queue": "jupyter", "hours": 1, **options})
    person.until("ready", name)
    return str(person.api("GET", f"hpchub/server?server={name}").json()["job_id"])


def extended(person: Person, hours: object, **more: object) -> httpx.Response:
    return person.api("POST", "hpchub/server/extend", json={"hours": hours, **more})


class TestFacts:
    def test_card_and_programs_are_told_the_same_and_slurm_is_not_asked(
        self, empty: RunningCentre, anna: Person
    ) -> None:
        job = running(anna)
        told = anna.api("GET", "hpchub/server").json()
        assert (told["state"], told["queue"], told["warn_minutes"]) == ("running", "jupyter", 15)
        assert 3300 < told["seconds_left"] <= 3600
        home = anna.get("hub/home").text
        for word in (told["node"], f"{job} ·", 'data-left="', "hpchub/log/a1113a01"):
            assert word in home, word
        asked = empty.run(["sdiag"]).stdout
        for _time in range(20):
            assert anna.api("GET", "hpchub/server").status_code == 200
        before, after = (
            re.search(r"REQUEST_JOB_INFO\b.*?count:(\d+)", text)
            for text in (asked, empty.run(["sdiag"]).stdout)
        )
        assert before
        assert after
        # The hub itself looks now and then.
        assert int(after[1]) - int(before[1]) <= 10

    def test_a_server_asks_with_its_own_token_and_can_do_nothing_else_with_it(
        self, empty: RunningCentre, anna: Person
    ) -> None:
        job = running(anna)
        code = (
            "import os, json, urllib.request as r\n"
            "def ask(path, **more):\n"
            "    q = r.Request(os.environ['JUPYTERHUB_API_URL'] + path, **more)\n"
            "    q.add_header('Authorization', 'token ' + os.environ['JUPYTERHUB_API_TOKEN'])\n"
            "    q.add_header('Content-Type', 'application/json')\n"
            "    try: return r.urlopen(q).read().decode()\n"
            "    except r.HTTPError as e: return e.code\n"
            "print(ask('/hpchub/server'))\n"
            "print(ask('/hpchub/server/extend', method='POST', data=b'{\"hours\": 1}'))\n"
        )
        pid = empty.run(["pgrep", "-u", "a1113a01", "-f", "singleuser/launch.py"]).stdout.split()[0]
        environ = empty.run(["cat", f"/proc/{pid}/environ"]).stdout.split("\0")
        env = [one for one in environ if one.startswith("JUPYTERHUB_API_")]
        said = empty.run(["env", *env, "python3", "-c", code], "a1113a01").stdout.splitlines()
        assert f'"job_id": "{job}"' in said[0]
        assert said[1] == "404"
        assert limit_of(empty, job) == "01:00:00"

    def test_other_peoples_servers_are_not_told(
        self, empty: RunningCentre, anna: Person, login: Login
    ) -> None:
        running(anna)
        other = login("a1113a02")
        assert other.api("GET", "hpchub/server?user=a1113a01").status_code == 404
        assert other.get("hub/hpchub/log/a1113a01").status_code == 404
        assert other.get("hub/hpchub/extend/a1113a01").status_code == 404
        assert other.get("hub/hpchub/stop/a1113a01").status_code == 404
        assert extended(other, 1, user="a1113a01").status_code == 404

    def test_nothing_runs_nothing_is_told(self, anna: Person) -> None:
        assert anna.api("GET", "hpchub/server").status_code == 404

    def test_old_figures_say_how_old_they_are_while_slurm_is_down(
        self, empty: RunningCentre, anna: Person
    ) -> None:
        running(anna)
        with empty.without("slurmctld"):
            deadline = time.monotonic() + 90
            while not (told := anna.api("GET", "hpchub/server").json())["silent"]:
                assert time.monotonic() < deadline
                anna.get("hub/spawn/a1113a01/second")  # somebody wants fresh figures
            assert told["state"] == "running"
            home = anna.get("hub/home").text
            assert "Slurm does not answer at the moment. The server goes on." in home
            refused = extended(anna, 1)
            assert refused.status_code == 503


class TestMoreTime:
    def test_slurm_has_the_new_limit_and_the_audit_who_did_it(
        self, empty: RunningCentre, anna: Person
    ) -> None:
        job = running(anna)
        done = extended(anna, 2)
        assert done.status_code == 200, done.text
        assert limit_of(empty, job) == "03:00:00"
        assert 3 * 3600 - 300 < done.json()["seconds_left"] <= 3 * 3600
        log = empty.log("hub")
        assert f"Job {job} of a1113a01: time limit extended from 60 to 180 minutes by a1113a01" in log
        assert f'"how": "job:{job}:60>180min"' in log

    def test_the_form_works_without_scripts_and_leads_to_the_new_end(
        self, empty: RunningCentre, anna: Person
    ) -> None:
        job = running(anna)
        page = anna.post("hub/hpchub/extend/a1113a01", {"hours": "1"})
        assert (page.status_code, page.url.path) == (200, "/hub/hpchub/extend/a1113a01")
        assert "The server now ends at:" in page.text
        assert limit_of(empty, job) == "02:00:00"
        # Who reloads what came back sends nothing again.
        anna.get(str(page.url))
        assert limit_of(empty, job) == "02:00:00"

    def test_not_beyond_the_policy(self, empty: RunningCentre, anna: Person) -> None:
        job = running(anna)
        assert extended(anna, 24).status_code == 409
        page = anna.post("hub/hpchub/extend/a1113a01", {"hours": "24"})
        assert "by 23 hours at most" in anna.alert(page)
        assert extended(anna, 23).status_code == 200
        assert limit_of(empty, job) == "1-00:00:00"
        assert extended(anna, 1).status_code == 409
        assert limit_of(empty, job) == "1-00:00:00"

    @pytest.mark.parametrize("hours", [0, -1, 1.5, "1", True, None])
    def test_never_shorter_and_whole_hours_only(self, anna: Person, hours: object) -> None:
        assert extended(anna, hours).status_code == 400

    def test_a_queue_that_does_not_say_so_gives_none(self, empty: RunningCentre, login: Login) -> None:
        person = login("a1113a02")
        job = running(person, queue="amd_a100_4", account="proj02")
        assert person.api("GET", "hpchub/server").json()["can_extend"] is False
        assert extended(person, 1).status_code == 409
        assert limit_of(empty, job) == "01:00:00"
        person.stop()

    def test_only_the_job_that_this_server_submitted(self, empty: RunningCentre, anna: Person) -> None:
        """Slurm may have lost its jobs, and given the number to somebody else."""
        job = running(anna)
        empty.run(["scontrol", "update", f"jobid={job}", "name=somebody-elses"])
        try:
            assert extended(anna, 1).status_code == 409
            assert limit_of(empty, job) == "01:00:00"
        finally:
            empty.run(["scancel", job])

    def test_a_hub_that_is_no_operator_says_what_is_missing(self, empty: RunningCentre, anna: Person) -> None:
        job = running(anna)
        set_level = ["sacctmgr", "-i", "modify", "user", "name=hpchub", "set"]
        empty.run([*set_level, "AdminLevel=None"])
        try:
            refused = extended(anna, 1)
            assert refused.status_code == 503
            assert "The hub may not change jobs in Slurm" in refused.text
            assert limit_of(empty, job) == "01:00:00"
            assert "adminlevel=operator" in empty.log("hub")
        finally:
            empty.run([*set_level, "AdminLevel=Operator"])

    def test_what_it_costs_is_said(self, empty: RunningCentre, login: Login) -> None:
        person = login("a1113a02")
        running(person, queue="cas_v100_2", account="proj02")
        assert "2 hours, at most 3,800 KRW" in person.get("hub/home").text
        person.stop()


class TestLog:
    def test_own_log_also_after_the_job_has_ended(self, empty: RunningCentre, anna: Person) -> None:
        job = running(anna)
        page = anna.get("hub/hpchub/log/a1113a01").text
        assert f"Log of job {job}" in page
        assert "ServerApp" in page
        empty.run(["scancel", job])
        anna.until("stopped")
        page = anna.get("hub/hpchub/log/a1113a01").text
        assert f"Log of job {job}" in page
        assert "the job has ended" in page
        assert "hpchub/log/a1113a01" in anna.get("hub/home").text

    def test_an_administrator_who_may_open_servers_may_read_their_logs(
        self, empty: RunningCentre, anna: Person, login: Login
    ) -> None:
        job = running(anna)
        page = login("hpcadmin").get("hub/hpchub/log/a1113a01").text
        assert f"Log of job {job}" in page
        assert "of a1113a01" in page

    def test_what_the_log_says_is_text(self, empty: RunningCentre, anna: Person) -> None:
        job = running(anna)
        empty.run(
            ["sh", "-c", f"echo '<img src=x onerror=alert(1)>' >> /scratch/a1113a01/log/{job}.log"],
            "a1113a01",
        )
        page = anna.get("hub/hpchub/log/a1113a01").text
        assert "&lt;img src=x" in page
        assert "<img src=x" not in page


class TestWithoutScripts:
    def test_stop_asks_then_stops(self, empty: RunningCentre, anna: Person) -> None:
        job = running(anna)
        assert "Stop this server?" in anna.get("hub/hpchub/stop/a1113a01").text
        assert anna.state() == "ready"
        page = anna.post("hub/hpchub/stop/a1113a01", {})
        assert page.url.path == "/hub/home"
        anna.until("stopped")
        assert empty.job_state(job) in ("COMPLETING", "CANCELLED", "")

    def test_a_name_leads_to_the_form_of_that_server(self, anna: Person) -> None:
        assert 'action="/hub/hpchub/new"' in anna.get("hub/home").text
        page = anna.get("hub/hpchub/new?name=second")
        assert (page.status_code, page.url.path) == (200, "/hub/spawn/a1113a01/second")
        assert anna.get("hub/hpchub/new?name=").url.path == "/hub/home"
        assert anna.state("second") == "stopped"

    def test_a_name_that_the_hub_does_not_take_is_explained(self, anna: Person) -> None:
        page = anna.get("hub/hpchub/new?name=2026-data")
        assert page.status_code == 400
        assert "A server cannot have this name. Take small letters" in page.text
        assert "server_name" not in page.text

    def test_a_form_from_elsewhere_stops_nothing(self, empty: RunningCentre, anna: Person) -> None:
        running(anna)
        for path in ("stop", "extend"):
            answer = anna.http.post(f"hub/hpchub/{path}/a1113a01", data={"hours": "1"})
            assert answer.status_code == 403
        assert anna.state() == "ready"

    def test_cancel_of_a_named_server_that_waits_leaves_the_other(
        self, empty: RunningCentre, anna: Person, busy: str
    ) -> None:
        anna.start("second", queue="jupyter", hours=1)
        job = anna.job_id("second")
        anna.start(queue="jupyter", hours=1)
        own = anna.job_id()
        assert "Cancel this server?" in anna.get("hub/hpchub/stop/a1113a01/second").text
        anna.post("hub/hpchub/stop/a1113a01/second", {})
        anna.until("stopped", "second")
        empty.wait_for_job(job, "CANCELLED", "")
        assert empty.job_state(own) == "PENDING"

    def test_start_again_asks_for_the_same(self, empty: RunningCentre, anna: Person) -> None:
        anna.submit(queue="jupyter", hours="2", interface="lab")
        anna.until("ready")
        anna.stop()
        home = anna.get("hub/home").text
        assert "Start again: Jupyter (free), 2 hours, free of charge" in home
        form = home.split("Start again:")[0].rsplit("<form", 1)[1]
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        del fields["_xsrf"]
        anna.post("hub/spawn/a1113a01", fields)
        job = anna.job_id()
        assert limit_of(empty, job) == "02:00:00"
        anna.until("ready")
        assert anna.get("user/a1113a01/").url.path == "/user/a1113a01/lab"

    def test_start_pressed_twice_is_one_start(self, empty: RunningCentre, anna: Person, busy: str) -> None:
        anna.submit(queue="jupyter", hours="1")
        job = anna.job_id()
        second = anna.post("hub/spawn", {"queue": "jupyter", "hours": "1", "interface": "notebook"})
        assert (second.status_code, second.url.path) == (200, "/hub/spawn-pending/a1113a01")
        assert anna.job_id() == job
        assert len(empty.run(["squeue", "-h", "-u", "a1113a01"]).stdout.splitlines()) == 1
