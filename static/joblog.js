// Follows a job's log: fetches the page itself every few seconds and takes over its lines.

import { announce, ask, localise, words } from "./page.js";

const INTERVAL_SECONDS = 5;
const LONGEST_INTERVAL_SECONDS = 60;

const say = words();
const frame = document.getElementById("job-log");
const lines = document.getElementById("log-lines");
const problem = document.getElementById("log-problem");
const follow = document.getElementById("follow");
const refresh = document.getElementById("refresh");
let timer = 0;
let failures = 0;
let looking = null;

const atEnd = () => lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;

function showFailure(expired) {
  failures += 1;
  const notice = document.createElement("div");
  notice.className = "hp-notice hp-notice-warning";
  notice.textContent = expired ? say.expired : say.failed;
  problem.replaceChildren(notice);
  if (failures === 1) announce(notice.textContent);
}

function showLines(page) {
  failures = 0;
  const fresh = page.getElementById("log-lines");
  problem.replaceChildren(...document.adoptNode(page.getElementById("log-problem")).childNodes);
  // What could not be read just now must not take away what was read before.
  const readable = !problem.textContent.trim();
  if (readable) {
    const stay = atEnd();
    if (lines.textContent !== fresh.textContent) lines.textContent = fresh.textContent;
    lines.hidden = fresh.hidden;
    if (stay) lines.scrollTop = lines.scrollHeight;
    const empty = document.getElementById("log-empty");
    empty.hidden = page.getElementById("log-empty").hidden;
    empty.textContent = page.getElementById("log-empty").textContent;
    document.getElementById("log-age").replaceChildren(...page.getElementById("log-age").childNodes);
    localise(frame);
  }
  const now = page.getElementById("job-log").dataset;
  if (now.alive === "no" || now.job !== frame.dataset.job) {
    frame.dataset.alive = now.alive;
    // Another job, or an end: its heading and switch are another page's.
    location.reload();
  }
}

async function look(byHand) {
  const answer = await ask(location.href, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.ok && page.getElementById("log-lines")) {
    showLines(page);
    if (byHand) announce(say.refreshed);
  } else showFailure([401, 403].includes(answer.status) || Boolean(page.getElementById("hp-login")));
}

function lookOnce(byHand) {
  looking ??= look(byHand).finally(() => {
    looking = null;
  });
  return looking;
}

function schedule() {
  clearTimeout(timer);
  if (frame.dataset.alive !== "yes" || !follow.checked || document.hidden) return;
  const seconds = Math.min(INTERVAL_SECONDS * 2 ** failures, LONGEST_INTERVAL_SECONDS);
  timer = setTimeout(() => lookOnce(false).then(schedule), seconds * 1000);
}

refresh.addEventListener("click", (event) => {
  event.preventDefault();
  lookOnce(true).then(schedule);
});
follow.addEventListener("change", schedule);
document.addEventListener("visibilitychange", schedule);
lines.scrollTop = lines.scrollHeight;
schedule();
