"""axe-core, which finds what a page withholds from people with a screen reader, a keyboard, or large type."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from demo.settings import default_venv

__all__ = ["violations"]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """\
async (tags) => {
  const found = await axe.run(document, {
    runOnly: { type: "tag", values: tags },
    resultTypes: ["violations"],
    preload: false, // style sheets by request, which the pages' content security policy forbids
  });
  return found.violations.flatMap((rule) => rule.nodes.map((node) => ({
    rule: rule.id,
    target: node.target.join(" "),
    why: (node.failureSummary ?? "").split("\\n").slice(1).join(";").trim(),
  })));
}
"""


@cache
def source() -> str:
    """Return axe-core, which demo/install.sh puts beside the virtual environment."""
    path = default_venv().parent / "node" / "node_modules" / "axe-core" / "axe.min.js"
    assert path.exists(), f"{path} is not there: demo/install.sh test installs it"
    return path.read_text()


def violations(page: Page, name: str) -> list[str]:
    """Examine the page as it is now; return one line for each place where it breaks a rule."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(source())
    return [
        f"{name}: {found['rule']} at {found['target']} ({found['why']})" for found in page.evaluate(RUN, TAGS)
    ]
