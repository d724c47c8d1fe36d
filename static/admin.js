// Names the buttons that the hub's own admin page leaves without one (JupyterHub 6.1).

import { fill, words } from "./page.js";

const say = words();
const page = document.getElementById("react-admin-hook");

function nameButtons() {
  for (const button of page.querySelectorAll('button[aria-controls$="-collapse"]:not([aria-label])')) {
    const name = button.getAttribute("aria-controls").replace(/-collapse$/, "");
    button.setAttribute("aria-label", fill(say.details, { name }));
  }
}

new MutationObserver(nameButtons).observe(page, { childList: true, subtree: true });
nameButtons();
