"""People who use a keyboard only, no JavaScript, another language, or the dark theme."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.window import Windows, refresh_until, start_form, wait_for_tree
from tests.centre import RunningCentre
from tests.person import Person

pytestmark = [pytest.mark.centre, pytest.mark.browser]

# What has the focus looks different from what it looks like without, and is in view.
FOCUS_IS_VISIBLE = """\
() => {
  const element = document.activeElement;
  const look = () => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
    return outlineStyle === "none" ? boxShadow : `${outlineStyle} ${outlineWidth} ${boxShadow}`;
  };
  const focused = look();
  element.blur();
  const plain = look();
  element.focus();
  const box = element.getBoundingClientRect();
  const within = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return focused !== plain && within;
}
"""


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until that element has the focus; at each stop one must see where one is."""
    for _ in range(40):
        page.keyboard.press("Tab")
        where = page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
        if page.evaluate("document.activeElement === document.body"):
            continue
        assert page.evaluate(FOCUS_IS_VISIBLE), f"the focus is not to be seen at {where}"
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def type_login(page: Page, centre: RunningCentre, name: str) -> None:
    """Fill in the login form from its first field on, with the keyboard."""
    expect(page.locator("#username_input")).to_be_focused()
    page.keyboard.type(name)
    tab_to(page, "#otp_input")
    page.keyboard.type(centre.otp(name))
    tab_to(page, "#password_input")
    page.keyboard.type(centre.password(name))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_pages_work_with_keyboard_only(empty: RunningCentre, busy: str, windows: Windows) -> None:
    page = windows.open()
    page.goto("hub/login")
    type_login(page, empty, "hpcadmin")

    tab_to(page, ".hp-skip")
    windows.picture(page, "skip-link")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")
    page.reload()
    tab_to(page, "#start")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Submit")).to_be_visible()

    tab_to(page, "#refresh")
    page.keyboard.press("Space")
    expect(page.locator("#hp-status")).to_contain_text("The figures are up to date.")
    expect(page.locator("#refresh")).to_be_focused()
    tab_to(page, "input[name=queue]")
    while not page.locator("#queue-cas_v100_2").is_checked():
        page.keyboard.press("ArrowDown")
    windows.picture(page, "radio")
    tab_to(page, "input[name=interface]")
    page.keyboard.press("ArrowDown")
    tab_to(page, "#hours")
    page.keyboard.press("Control+a")
    page.keyboard.type("3")
    expect(page.locator("#hours")).to_have_value("3")
    tab_to(page, "#spawn_form [type=submit]")
    windows.picture(page, "submit")
    page.keyboard.press("Space")

    expect(page.locator('[data-fact="state"]')).to_have_text("PENDING")
    job = page.locator('[data-fact="job_id"]').inner_text()
    asked = empty.run(["squeue", "-h", "-j", job, "-o", "%P %l"]).stdout.split()
    assert asked == ["cas_v100_2", "3:00:00"]
    tab_to(page, "#cancel")
    windows.picture(page, "cancel")
    page.keyboard.press("Space")
    page.wait_for_url("**/hub/home")
    expect(page.locator("#start")).to_be_visible()
    empty.wait_for_job(job, "CANCELLED", "")


def test_form_works_without_javascript(empty: RunningCentre, windows: Windows) -> None:
    page = windows.open(java_script_enabled=False)
    page.goto("")
    page.get_by_label("Account").fill("a1113a03")
    page.get_by_label("One-time password").fill(empty.otp("a1113a03"))
    page.get_by_label("Password", exact=True).fill(empty.password("a1113a03"))
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Start My Server").click()
    expect(page.locator("#refresh")).to_be_hidden()
    job = empty.submit("a1113a02", "--partition=amd_a100_4", "--account=proj01", "--time=10")
    empty.wait_for_job(job, "RUNNING")
    idle = page.locator('[data-queue="amd_a100_4"] [data-cell="idle"]')
    refresh = page.get_by_role("link", name="Refresh").click
    refresh_until(page, lambda: idle.inner_text() == "5", press=refresh)
    empty.run(["scancel", job])
    refresh_until(page, lambda: idle.inner_text() == "6", press=refresh)
    windows.picture(page, "spawn")
    page.locator("#queue-jupyter").check()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your server is on its way")
    windows.picture(page, "waiting")
    wait_for_tree(page, "a1113a03")
    page.goto("hub/home")
    windows.picture(page, "home-running")
    job = empty.run(["squeue", "-h", "-u", "a1113a03", "-t", "RUNNING", "-o", "%i"]).stdout.strip()
    expect(page.get_by_role("main")).to_contain_text(job)
    expect(page.get_by_role("link", name="Stop My Server")).to_be_visible()
    page.get_by_role("link", name="Log out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
    empty.wait_for_job(job, "CANCELLED", "COMPLETING", "")


def test_language_switch_is_remembered(empty: RunningCentre, windows: Windows) -> None:
    page = windows.open()
    page.goto("hub/login")
    page.get_by_role("button", name="한국어").click()
    html = page.locator("html")
    expect(html).to_have_attribute("lang", "ko")
    page.reload()
    expect(html).to_have_attribute("lang", "ko")
    expect(page.get_by_role("button", name="한국어")).to_have_attribute("aria-pressed", "true")
    type_login(page, empty, "nouse01")
    expect(html).to_have_attribute("lang", "ko")
    windows.picture(page, "home-ko")
    page.goto("hub/spawn")
    expect(page.locator("label[for=queue-jupyter]")).to_have_text("Jupyter (무료)")
    windows.picture(page, "spawn-ko-without-project")
    page.get_by_role("button", name="English").click()
    expect(page).to_have_url(re.compile("/hub/spawn$"))
    expect(page.locator("label[for=queue-jupyter]")).to_have_text("Jupyter (free)")


def test_theme_is_remembered(anna: Person, windows: Windows) -> None:
    page = windows.open(anna, color_scheme="light")
    page.goto("hub/home")
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "light")
    page.get_by_role("button", name="Light or dark").click()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    start_form(page, "jupyter")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    windows.picture(page, "spawn-dark")
    page.get_by_role("button", name="Light or dark").click()
    page.reload()
    expect(html).to_have_attribute("data-bs-theme", "light")
