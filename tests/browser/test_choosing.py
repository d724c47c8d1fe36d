"""Before Submit: expected starts, limits, presets, links, and what is remembered, with the real Slurm."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.window import Windows, start_form
from tests.centre import RunningCentre
from tests.person import Login, Person

pytestmark = [pytest.mark.centre, pytest.mark.browser]


def expected(page: Page, queue: str) -> str:
    cell = page.locator(f'[data-queue="{queue}"] [data-cell="expected"]')
    expect(cell).not_to_have_text(re.compile("^(–|asking…|)$"))
    return cell.inner_text()


@pytest.fixture
def no_jobs_for_anna(empty: RunningCentre) -> Iterator[None]:
    """Let Slurm refuse what a1113a01 submits, by a limit of his association."""
    modify = ["sacctmgr", "-i", "modify", "user", "where", "name=a1113a01", "set"]
    empty.run([*modify, "MaxSubmitJobs=0"])
    yield
    empty.run([*modify, "MaxSubmitJobs=-1"])


def test_form_says_when_each_queue_would_start_this_request(
    busy: str, anna: Person, windows: Windows
) -> None:
    page = windows.open(anna)
    start_form(page, "amd_a100_4")
    assert expected(page, "amd_a100_4") == "now"
    assert re.fullmatch(r"\w{3} \d+, \d{4}, \d\d:\d\d", expected(page, "cas_v100_2"))
    expect(page.locator('[data-queue="bigmem"] [data-cell="expected"]')).to_have_text("–")
    windows.picture(page, "expected")


def test_page_without_javascript_has_what_slurm_said_last(
    empty: RunningCentre, anna: Person, windows: Windows
) -> None:
    start_form(page := windows.open(anna), "amd_a100_4")
    assert expected(page, "amd_a100_4") == "now"
    anna.start(queue="amd_a100_4", hours=1)  # so that the form begins with this choice
    anna.stop()
    plain = windows.open(anna, java_script_enabled=False)
    plain.goto("hub/spawn")
    expect(plain.locator('[data-queue="amd_a100_4"] [data-cell="expected"]')).to_have_text("now")


def test_queue_that_slurm_refuses_says_why(no_jobs_for_anna: None, anna: Person, windows: Windows) -> None:
    page = windows.open(anna)
    page.goto("hub/spawn")
    page.locator("#queue-jupyter").check()
    page.locator("#hours").fill("7")  # asked by nobody else, so Slurm is
    why = page.locator("#refused-cas_v100_2")
    expect(why).to_contain_text("Slurm")
    expect(page.locator("#queue-cas_v100_2")).to_be_disabled()
    windows.picture(page, "refused")
    assert not violations(page, "refused")


def test_outage_of_slurm_closes_no_queue(empty: RunningCentre, anna: Person, windows: Windows) -> None:
    page = windows.open(anna)
    with empty.without("slurmctld"):
        page.goto("hub/spawn")
        page.locator("#hours").fill("11")
        assert expected(page, "jupyter") == "Slurm cannot say"
        expect(page.locator("#queue-jupyter")).to_be_enabled()


def test_fields_follow_the_queue_and_reach_slurm(
    empty: RunningCentre, anna: Person, windows: Windows
) -> None:
    page = windows.open(anna)
    start_form(page, "mixed")
    page.locator("#gpu_type").select_option("a100")
    page.locator("#gpus").select_option("2")
    expect(page.locator("#limits")).to_contain_text("of")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/spawn-pending/**")
    job = anna.job_id()
    assert "a100:2" in empty.run(["squeue", "-h", "-j", job, "-o", "%b"]).stdout
    anna.until("ready")


def test_preset_is_kept_used_and_deleted_without_javascript(
    empty: RunningCentre, anna: Person, windows: Windows
) -> None:
    page = windows.open(anna, java_script_enabled=False)
    page.goto("hub/spawn")
    page.locator("#queue-cas_v100_2").check()
    page.locator("#hours").fill("9")
    page.get_by_role("button", name="Keep as a preset").click()
    page.get_by_label("Name").fill("Long <b>night</b>")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator("#hours")).to_have_value("9")
    expect(page.get_by_text("Nothing has been started yet.")).to_be_visible()
    page.wait_for_load_state("networkidle")  # or what it still loads would be refused
    empty.kill("hub")  # and supervisord starts it again
    empty.up()
    page.goto("hub/spawn")
    expect(page.locator("#hours")).not_to_have_value("9")
    page.get_by_role("link", name="Long <b>night</b>").click()
    expect(page.locator("#queue-cas_v100_2")).to_be_checked()
    expect(page.locator("#hours")).to_have_value("9")
    assert anna.state() == "stopped"
    page.get_by_role("link", name="Manage presets").click()
    windows.picture(page, "presets")
    page.get_by_role("button", name="Delete Long <b>night</b>").click()
    expect(page.get_by_text("You have no presets.")).to_be_visible()


def test_preset_that_cannot_be_kept_says_why(empty: RunningCentre, anna: Person) -> None:
    anna.get("hub/spawn")
    answer = anna.post("hub/hpchub/presets/save", {"queue": "jupyter", "name": "x" * 41})
    assert (answer.status_code, "1 to 40 characters" in anna.alert(answer)) == (400, True)
    answer = anna.post("hub/hpchub/presets/save", {"queue": "a;b", "name": "x"})
    assert (answer.status_code, "letters, digits" in anna.alert(answer)) == (400, True)
    assert (
        anna.http.post("hub/hpchub/presets/save", data={"queue": "jupyter", "name": "x"}).status_code == 403
    )
    assert "You have no presets" in anna.get("hub/hpchub/presets").text


def test_link_to_the_choices_fills_in_the_form_of_somebody_else(
    empty: RunningCentre, anna: Person, login: Login, windows: Windows
) -> None:
    page = windows.open(anna)
    start_form(page, "amd_a100_4")
    page.locator("#hours").fill("5")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy a link").click()
    expect(page.locator("#copied-link")).to_contain_text("The link is copied.")
    link = str(page.evaluate("navigator.clipboard.readText()"))
    other = windows.open(login("a1113a02"))
    other.goto(link)
    expect(other.locator("#queue-amd_a100_4")).to_be_checked()
    expect(other.locator("#hours")).to_have_value("5")
    expect(other.get_by_text("Nothing has been started yet.")).to_be_visible()
    assert login("a1113a02").state() == "stopped"


def test_refused_choices_are_there_again_also_for_another_server(
    empty: RunningCentre, anna: Person, windows: Windows
) -> None:
    anna.start(queue="cas_v100_2", hours=99)
    page = windows.open(anna)
    page.goto("hub/spawn")
    expect(page.locator("#hours")).to_have_value("99")
    page.goto("hub/spawn/a1113a01/never-before")
    expect(page.locator("#queue-cas_v100_2")).to_be_checked()
    anna.api("DELETE", anna.server("never-before"), json={"remove": True})


def test_figures_are_for_those_who_are_logged_in(empty: RunningCentre, anna: Person) -> None:
    answer = anna.api("GET", "hpchub/queues").json()
    assert answer["own"]["bigmem"]["why"] != ""
    assert answer["own"]["jupyter"]["offers"]["account"] == ["proj01"]
    assert "bigmem" in answer["figures"]["html"]
    assert "proj01" not in answer["figures"]["html"]
    stranger = Person(empty.url, "nobody")
    assert stranger.get("hub/api/hpchub/queues").status_code == 403
    assert stranger.get("hub/api/hpchub/expected?queue=jupyter").status_code == 403
    # The cookies alone are not enough: a script in somebody's notebook must not ask in anna's name.
    script = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
    assert anna.http.get("hub/api/hpchub/queues", headers=script).status_code == 403
    assert anna.api("GET", "hpchub/queues", headers=script).status_code == 200
    assert anna.http.get("hub/api/hpchub/queues", headers=script).status_code == 403
    stranger.close()


def test_expected_start_is_asked_with_options_and_nothing_else(empty: RunningCentre, anna: Person) -> None:
    assert anna.api("GET", "hpchub/expected?queue=jupyter&prologue=reboot").status_code == 400
    assert anna.api("GET", "hpchub/expected?queue=jupyter&queue=mixed").status_code == 400
    answer = anna.api("GET", "hpchub/expected?queue=jupyter%0a%23SBATCH&hours=1")
    assert "jupyter\n#SBATCH" not in answer.json()["queues"]


def test_refused_form_of_a_named_server_keeps_what_was_typed(empty: RunningCentre, anna: Person) -> None:
    anna.get("hub/spawn/a1113a01/second")
    page = anna.post("hub/spawn/a1113a01/second", {"queue": "cas_v100_2", "hours": "47", "account": "proj09"})
    assert page.status_code == 400
    assert 'value="47"' in page.text
    assert 'id="account-error"' in page.text
    # Said once: a link that is opened next is not about it.
    page = anna.get("hub/spawn?queue=cas_v100_2&hours=3")
    assert 'value="3"' in page.text
    assert 'id="account-error"' not in page.text
