// Stop and delete servers from the home page, and count down their time.

import { countDown } from "./countdown.js";
import { announce, ask, pause, words } from "./page.js";

const CHECK_SECONDS = 60;

const say = words();

/** Tell whether the login is still good; a refused request means it is not, or the page is stale. */
function failure(status) {
  return status === 401 || status === 403 ? say.expired : say.failed;
}

/** Wait until the hub no longer lists the server as stopping, then show the page anew. */
async function waitUntilStopped(url) {
  const [, account, rest] = url.match(/^(.*\/api\/users\/[^/]+)\/(.*)$/);
  const name = rest === "server" ? "" : decodeURIComponent(rest.replace("servers/", ""));
  for (;;) {
    await pause(1.5);
    const answer = await ask(account);
    if (answer.status === 401 || answer.status === 403) return announceProblem(answer.status);
    const server = answer.ok ? (await answer.json()).servers?.[name] : { pending: "stop" };
    if (!server || server.pending !== "stop") break;
  }
  announce(say.stopped);
  location.reload();
}

function announceProblem(status) {
  const problem = document.createElement("p");
  problem.className = "hp-notice hp-notice-danger";
  problem.setAttribute("role", "alert");
  problem.textContent = failure(status);
  document.querySelector("h1").after(problem);
}

async function end(button, url, body) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  announce(say.stopping);
  const answer = await ask(url, { method: "DELETE", body: body && JSON.stringify(body) });
  if (answer.status === 202) return waitUntilStopped(url);
  if (answer.ok) return location.reload();
  button.disabled = false;
  button.removeAttribute("aria-busy");
  return announceProblem(answer.status);
}

for (const button of document.querySelectorAll("[data-stop]")) {
  button.addEventListener("click", () => end(button, button.dataset.stop));
}
for (const button of document.querySelectorAll("[data-remove]")) {
  button.addEventListener("click", () => end(button, button.dataset.remove, { remove: true }));
}
for (const link of document.querySelectorAll("[data-stopping]")) waitUntilStopped(link.dataset.stopping);

/** Look whether what the cards say is still so; the hub answers from memory. */
async function check() {
  if (document.hidden) return;
  for (const card of document.querySelectorAll("[data-state]")) {
    const url = `${window.jhdata.base_url}api/hpchub/server?server=${encodeURIComponent(card.dataset.server)}`;
    const answer = await ask(url);
    if (answer.status === 404) return location.reload();
    if (!answer.ok) return;
    const now = await answer.json();
    const moved = (now.ends ?? "") !== card.dataset.ends;
    if (now.state !== card.dataset.state || moved) {
      // Nobody is torn away from what they are doing.
      if (!card.closest("section").contains(document.activeElement)) return location.reload();
    }
  }
}

countDown(say);
setInterval(check, CHECK_SECONDS * 1000);
document.addEventListener("visibilitychange", check);
