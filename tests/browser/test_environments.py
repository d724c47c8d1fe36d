"""My environments in a real browser: made with one button, seen to grow, left alone, and cancelled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.window import Windows
from tests.centre import RunningCentre
from tests.integration.test_environments import hide
from tests.person import Login, Person

pytestmark = [pytest.mark.centre, pytest.mark.browser]

BEN = "a1113a02"
SERVICE = "services/environments/"
MAKING_MS = 180_000
PHONE = {"viewport": {"width": 360, "height": 740}}
REFUSED = r"^Failed to load resource: .* status of (400|403|404|409|502|503) "


@pytest.fixture(scope="module")
def ben(centre: RunningCentre, login: Login) -> Iterator[Person]:
    """Somebody who has no environment when the first test begins; the others find what it made."""
    centre.up()
    centre.cancel_all_jobs()
    forget(centre)
    yield login(BEN)
    centre.cancel_all_jobs()
    hide(centre, BEN)


def forget(centre: RunningCentre) -> None:
    centre.run(["rm", "-rf", f"/scratch/{BEN}/.conda"], limit=300)


def come(page: Page) -> None:
    """Open the page; the hub starts its services after itself."""
    for _try in range(50):
        answer = page.goto(SERVICE)
        if answer is not None and answer.ok:
            return
        page.wait_for_timeout(200)
    raise AssertionError("the service does not answer")


def look(page: Page, windows: Windows, name: str) -> list[str]:
    """Take pictures in both themes and both widths, and have the page judged in each."""
    wrong = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        wrong += violations(page, f"{name}, {scheme}")
        windows.picture(page, f"{name}-{scheme}")
    return wrong


def is_wider_than_its_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_an_environment_is_made_with_one_button_while_the_page_is_closed_and_opened_again(
    centre: RunningCentre, ben: Person, windows: Windows
) -> None:
    windows.expect_complaints(REFUSED)
    page = windows.open(ben)
    come(page)
    expect(page.get_by_role("heading", name="You have no environment yet")).to_be_visible()
    wrong = look(page, windows, "nothing-yet")
    with centre.hanging(
        "channel"
    ):  # however quick the machine, the packages do not come before all is looked at
        page.get_by_role("button", name="Make my environment").click()
        page.wait_for_url("**/actions/*")
        expect(page.get_by_role("heading", name="Bootstrap · notebook")).to_be_visible()
        expect(page.locator('[data-part="counts"]')).to_contain_text("packages", timeout=MAKING_MS)
        wrong += look(page, windows, "being-made")
        page.close()
        again = windows.open(ben)
        come(again)
        expect(again.get_by_role("progressbar", name="Progress of Bootstrap")).to_be_visible()
        wrong += look(again, windows, "list-while-it-is-made")
    # The page itself hears of the end, and shows what there is now.
    expect(again.locator("#environment-notebook")).to_be_visible(timeout=MAKING_MS)
    expect(again.locator("#environment-notebook [data-part=badge]")).to_have_text("ready")
    expect(again.locator("[data-action]")).to_have_count(0)
    expect(again.locator("#hp-status")).to_have_text("Bootstrap, notebook: done")
    wrong += look(again, windows, "made")
    assert not wrong, "\n".join(wrong)


def test_a_form_opens_in_a_dialog_says_what_is_wrong_and_can_be_left(ben: Person, windows: Windows) -> None:
    windows.expect_complaints(REFUSED)
    page = windows.open(ben)
    come(page)
    page.get_by_role("link", name="Install packages – notebook").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_label("Packages")).to_be_focused()
    wrong = look(page, windows, "install-dialog")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Install packages – notebook").click()
    dialog.get_by_label("Packages").fill("<img src=x onerror=alert(1)>")
    dialog.get_by_role("button", name="Install").click()
    expect(page.get_by_role("alert")).to_contain_text("<img")
    expect(page.get_by_role("textbox", name="Packages")).to_have_value("<img src=x onerror=alert(1)>")
    wrong += look(page, windows, "install-refused")
    assert not wrong, "\n".join(wrong)


def test_without_javascript_all_of_it_is_pages(ben: Person, windows: Windows) -> None:
    windows.expect_complaints(REFUSED)
    page = windows.open(ben, java_script_enabled=False)
    come(page)
    page.get_by_role("link", name="Snapshot – notebook").click()
    page.get_by_label("Label").fill("before the course")
    page.get_by_role("button", name="Keep it").click()
    page.wait_for_url("**/actions/*")
    for _try in range(60):
        page.reload()
        if page.locator("[data-part=badge]").inner_text() == "done":
            break
        page.wait_for_timeout(500)
    page.goto(f"{SERVICE}environments/notebook")
    expect(page.get_by_role("rowheader", name="before the course")).to_be_visible()
    page.get_by_role("link", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", name="Delete this environment?")).to_be_visible()
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_role("heading", name="notebook")).to_be_visible()


def test_an_action_that_waits_is_cancelled_from_the_page(
    ben: Person, windows: Windows, centre: RunningCentre
) -> None:
    windows.expect_complaints(REFUSED)
    options = ("--partition=cas_v100_2", "--nodes=5", "--exclusive", "--time=30", "--account=proj02")
    centre.wait_for_job(centre.submit("a1113a03", *options), "RUNNING")
    page = windows.open(ben)
    come(page)
    page.get_by_role("link", name="Reset – notebook").click()
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    page.wait_for_url("**/actions/*")
    expect(page.locator('[data-part="step"]')).to_contain_text("waiting")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the action").click()
    expect(page.locator("#action [data-part=badge]")).to_have_text("cancelled")
    centre.cancel_all_jobs()
    come(page)
    expect(page.locator("#environment-notebook [data-part=badge]")).to_have_text("ready")


def test_every_page_in_korean_and_as_narrow_as_a_telephone(ben: Person, windows: Windows) -> None:
    windows.expect_complaints(REFUSED)
    wrong = []
    page = windows.open(ben, "ko", **PHONE)
    come(page)
    forms = ("install", "remove", "plugins", "reset", "snapshot", "clone", "delete", "export")
    pages = ["", "new/bootstrap", "new/import", "environments/notebook", "nothing"]
    for path in (*pages, *(f"environments/notebook/{form}" for form in forms)):
        page.goto(f"{SERVICE}{path}")
        expect(page.locator("html")).to_have_attribute("lang", "ko")
        assert not is_wider_than_its_window(page), path
        wrong += violations(page, f"{path}, ko, narrow")
        windows.picture(page, f"phone-{path or 'list'}")
    page = windows.open(ben, "ko")
    come(page)
    wrong += look(page, windows, "list-ko")
    page.goto(f"{SERVICE}environments/notebook")
    wrong += look(page, windows, "environment-ko")
    assert not wrong, "\n".join(wrong)


def test_who_has_logged_out_is_sent_to_the_login(
    centre: RunningCentre, windows: Windows, login: Login
) -> None:
    windows.expect_complaints(REFUSED)
    person = Person(centre.url, "a1113a03")
    answer = person.try_login(centre.otp(person.name), centre.password(person.name))
    assert answer.url.path == "/hub/home"
    page = windows.open(person)
    come(page)
    expect(page.get_by_role("heading", name="My environments")).to_be_visible()
    cookies = page.context.cookies()
    page.get_by_role("link", name="Log out").click()
    page.goto(SERVICE)
    page.wait_for_url("**/hub/login*")
    # Nor does what the browser sent before the log-out begin anything.
    page.context.add_cookies(cookies)
    ours = next(one["value"] for one in cookies if one["name"] == "_xsrf" and one["path"] == f"/{SERVICE}")
    answer_after = page.request.post(
        f"{centre.url}{SERVICE}api/v1/actions",
        headers={"X-XSRFToken": str(ours)},
        data={"verb": "bootstrap", "environment": "notebook"},
    )
    assert answer_after.status == 403
    person.close()
