"""The main job, end to end: from login to a cell on a compute node, and back."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.window import Windows, refresh_until, table_of, wait_for_tree
from tests.centre import RunningCentre

pytestmark = [pytest.mark.centre, pytest.mark.browser]

NAME = "a1113a02"
QUEUE = "amd_a100_4"
CODE = """\
import os
print("on", os.environ["SLURMD_NODENAME"], "with", os.environ["CUDA_VISIBLE_DEVICES"])
"""


@pytest.fixture
def node_back(empty: RunningCentre) -> Iterator[None]:
    """Have the node that the test drains back in service, whatever happens."""
    yield
    set_node(empty, "gpu11", "resume", check=False)


def test_user_goes_from_login_to_a_cell_on_a_compute_node_and_back(
    empty: RunningCentre, windows: Windows, node_back: None
) -> None:
    page = windows.open()
    log_in(page, empty, windows)
    leave_no_server(page)
    read_table(page, empty, windows)
    refresh_in_place(page, empty, windows)
    job = submit(page, empty, windows)
    run_a_cell(page, windows)
    open_lab(page, empty, windows, job)
    stop(page, empty, windows, job)


def log_in(page: Page, centre: RunningCentre, windows: Windows) -> None:
    page.goto("")
    expect(page).to_have_title(re.compile("Log in"))
    fields = page.locator("form[method=post]:not(.hp-language) input:not([type=hidden])")
    asked = [(field.get_attribute("name"), field.get_attribute("autocomplete")) for field in fields.all()]
    assert asked == [
        ("username", "username"),
        ("otp", "one-time-code"),
        ("password", "current-password"),
    ]
    expect(page.get_by_label("Account")).to_be_focused()
    windows.picture(page, "login")
    page.get_by_label("Account").fill(NAME)
    page.get_by_label("One-time password").fill(centre.otp(NAME))
    page.get_by_label("Password", exact=True).fill(centre.password(NAME))
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Hello, {NAME}")


def leave_no_server(page: Page) -> None:
    """Stop what an interrupted run of this test may have left."""
    if page.locator("#stop").count():
        page.locator("#stop").click()
    expect(page.get_by_role("link", name="Start My Server")).to_be_visible()


def read_table(page: Page, centre: RunningCentre, windows: Windows) -> None:
    windows.picture(page, "home")
    page.get_by_role("link", name="Start My Server").click()
    expect(page.get_by_role("button", name="Submit")).to_be_visible()
    headers = [text.strip() for text in page.locator("#queue-table thead th").all_inner_texts()]
    assert [word for word in headers if word in ("Alloc", "Idle", "Down", "Total")] == [
        "Alloc",
        "Idle",
        "Down",
        "Total",
    ]
    windows.picture(page, "spawn")
    queues = {name: name for name in ("jupyter", "cas_v100_2", QUEUE, "bigmem", "mixed")} | {
        "course": "mixed"
    }
    # What the test before had may still be in the figures.
    refresh_until(
        page,
        lambda: table_of(page) == {queue: counts_of(centre, name) for queue, name in queues.items()},
    )


def counts_of(centre: RunningCentre, partition: str) -> list[str]:
    """Return what sinfo counts: allocated, idle, other and all nodes."""
    return centre.run(["sinfo", "-h", "-p", partition, "-o", "%F"]).stdout.strip().split("/")


def refresh_in_place(page: Page, centre: RunningCentre, windows: Windows) -> None:
    page.evaluate("window.__mark = 'this very page'")
    page.locator("#queue-jupyter").check()  # what was chosen the last time, if ever, is filled in already
    page.locator(f"#queue-{QUEUE}").check()
    expect(page.locator("#hp-status")).to_contain_text("KRW")  # the cost of it, which comes a moment later
    job = centre.submit(NAME, f"--partition={QUEUE}", "--account=proj01", "--time=10")
    centre.wait_for_job(job, "RUNNING")
    set_node(centre, "gpu11", "drain")
    refresh_until(page, lambda: table_of(page)[QUEUE] == ["1", "4", "1", "6"])
    assert counts_of(centre, QUEUE) == ["1", "4", "1", "6"]
    expect(page.locator("#hp-status")).to_contain_text("4 × A100, whole node: Idle 4, was ")
    expect(page.get_by_role("button", name="Refresh")).to_be_focused()
    windows.picture(page, "refreshed")
    # Whoever reads the table while it is refreshed keeps their place in it.
    page.locator(f"#queue-{QUEUE}").focus()
    centre.run(["scancel", job])
    refresh_until(
        page,
        lambda: table_of(page)[QUEUE] == ["0", "5", "1", "6"],
        press=lambda: page.locator("#refresh").dispatch_event("click"),
    )
    expect(page.locator(f"#queue-{QUEUE}")).to_be_focused()
    expect(page.locator(f"#queue-{QUEUE}")).to_be_checked()
    assert page.evaluate("window.__mark") == "this very page"


def set_node(centre: RunningCentre, node: str, state: str, *, check: bool = True) -> None:
    centre.run(["scontrol", "update", f"nodename={node}", f"state={state}", "reason=test"], check=check)


def submit(page: Page, centre: RunningCentre, windows: Windows) -> str:
    page.get_by_label("Hours").fill("1")
    expect(page.locator("#cost-sum")).to_have_text("At most 4,600 KRW for 1 hour")
    page.get_by_label("Project account").select_option("proj02")
    page.get_by_role("button", name="Submit").click()
    fact = page.locator('[data-fact="job_id"]')
    expect(fact).to_have_text(re.compile(r"^\d+$"))
    job = fact.inner_text()
    windows.picture(page, "waiting")
    shown = centre.run(["squeue", "-h", "-j", job, "-o", "%u %P %a"]).stdout.split()
    assert shown == [NAME, QUEUE, "proj02"]
    wait_for_tree(page, NAME)
    return job


def run_a_cell(page: Page, windows: Windows) -> None:
    expect(page.get_by_text("first-steps.ipynb")).to_be_visible()
    windows.picture(page, "tree")
    with page.context.expect_page() as opened:
        page.get_by_text("first-steps.ipynb").dblclick()
    notebook = opened.value
    expect(notebook.get_by_text("Python 3 (ipykernel)").first).to_be_visible()
    expect(notebook.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_attached()
    cell = notebook.locator(".jp-CodeCell").first
    cell.locator(".cm-content").click()
    notebook.keyboard.press("Control+a")
    notebook.keyboard.insert_text(CODE)
    notebook.keyboard.press("Shift+Enter")
    expect(cell.locator(".jp-OutputArea-output")).to_have_text(
        re.compile(r"on gpu(06|07|08|09|10) with 0,1,2,3")
    )
    windows.picture(notebook, "notebook")
    notebook.close()


def open_lab(page: Page, centre: RunningCentre, windows: Windows, job: str) -> None:
    page.goto(f"user/{NAME}/lab")
    expect(page.locator(".jp-Launcher, .jp-NotebookPanel").first).to_be_visible()
    windows.picture(page, "lab")
    running = centre.run(["squeue", "-h", "-u", NAME, "-o", "%i"]).stdout.split()
    assert running == [job], "Lab runs on the server that is there"


def stop(page: Page, centre: RunningCentre, windows: Windows, job: str) -> None:
    page.goto("hub/home")
    expect(page.locator("#my-server + .hp-badge")).to_have_text("running")
    windows.picture(page, "home-running")
    page.get_by_role("button", name="Stop My Server").click()
    expect(page.get_by_role("link", name="Start My Server")).to_be_visible()
    expect(page.locator("#my-server + .hp-badge")).to_have_text("not running")
    windows.picture(page, "home-stopped")
    centre.wait_for_job(job, "", "CANCELLED")
    assert centre.run(["squeue", "-h", "-u", NAME]).stdout == ""
