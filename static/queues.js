// The spawn form: the live queue table, and choices that follow the chosen queue.

import { announce, ask, fill, localise, words } from "./page.js";
import { setUpChoices } from "./choices.js";

const INTERVAL_SECONDS = 30;
const LONGEST_INTERVAL_SECONDS = 300;
const REMEMBER = "hpchub-auto-refresh";

const say = words("queue-words");
const table = document.getElementById("queue-table");
const section = document.getElementById("queues");
const problem = document.getElementById("queues-problem");
const button = document.getElementById("refresh");
const automatic = document.getElementById("auto-refresh");

const updateChoices = setUpChoices(say);
let asking = null;
let failures = 0;
let timer = 0;
let ageAtLoad = performance.now();

/** Update one row from its new version. Inputs stay the same elements, so focus and choice survive. */
function updateRow(row, fresh) {
  const changes = [];
  for (const cell of fresh.querySelectorAll("[data-cell]")) {
    if (cell.dataset.cell === "expected") continue; // follows the choices, not the figures
    const old = row.querySelector(`[data-cell="${cell.dataset.cell}"]`);
    if (!old || old.innerHTML.trim() === cell.innerHTML.trim()) continue;
    if (old.dataset.label) changes.push({ cell: old, before: old.textContent.trim() });
    old.replaceChildren(...cell.childNodes);
  }
  const [input, freshInput] = [row.querySelector("input"), fresh.querySelector("input")];
  if (input && freshInput) {
    input.disabled = freshInput.disabled;
    if (input.disabled) input.checked = false;
    Object.assign(input.dataset, freshInput.dataset, { closed: input.disabled ? "yes" : "" });
  }
  return changes;
}

/** Bring the table to what a fresh page says; return what changed, for the announcement. */
function updateTable(fresh) {
  const changes = [];
  const rows = new Map([...table.tBodies[0].rows].map((row) => [row.dataset.queue, row]));
  for (const row of fresh.tBodies[0].rows) {
    const old = rows.get(row.dataset.queue);
    rows.delete(row.dataset.queue);
    if (old) changes.push(...updateRow(old, row));
    else table.tBodies[0].append(document.adoptNode(row));
  }
  for (const gone of rows.values()) gone.remove();
  const totals = fresh.tFoot?.rows[0];
  if (totals && table.tFoot) updateRow(table.tFoot.rows[0], totals);
  table.caption.replaceChildren(...fresh.caption.childNodes);
  table.dataset.asOf = fresh.dataset.asOf;
  return changes;
}

function describe(changes) {
  const figures = changes.filter(({ cell }) => ["idle", "free", "waiting"].includes(cell.dataset.cell));
  return figures
    .map(({ cell, before }) =>
      fill(say.change, {
        queue: cell.closest("tr").querySelector("label")?.textContent ?? "",
        what: cell.dataset.label,
        now: cell.textContent.trim(),
        before,
      }),
    )
    .join(" ");
}

function highlight(changes) {
  for (const { cell } of changes) {
    cell.classList.remove("hp-changed");
    void cell.offsetWidth; // starts the animation anew
    cell.classList.add("hp-changed");
  }
}

/** Say that the figures are old; they stay where they are. */
function showFailure(expired) {
  failures += 1;
  section.classList.add("hp-figures-old");
  const notice = document.createElement("div");
  notice.className = "hp-notice hp-notice-warning";
  notice.append(expired ? say.expired : say.failed);
  if (expired) {
    const link = document.createElement("a");
    link.href = `${window.jhdata.base_url}login?next=${encodeURIComponent(location.pathname)}`;
    link.textContent = say.login;
    notice.append(" ", link);
    automatic.checked = false;
  }
  problem.replaceChildren(notice);
  announce(expired ? say.expired : say.failed);
}

/** Put what is the user's own, and so not in the figures of everybody, into their rows. */
function makeOwn(fresh, own) {
  for (const row of fresh.tBodies[0].rows) {
    const mine = own[row.dataset.queue];
    const input = row.querySelector("input");
    if (!mine || !input) continue;
    input.disabled = mine.why !== "";
    input.dataset.closed = input.disabled ? "yes" : "";
    input.dataset.offers = JSON.stringify(mine.offers);
    row.querySelector('[data-cell="why"]').textContent = mine.why;
  }
}

function showFresh(page, own, byHand) {
  failures = 0;
  ageAtLoad = performance.now();
  const fresh = page.getElementById("queue-table");
  if (own) makeOwn(fresh, own);
  const freshProblem = page.getElementById("queues-problem");
  const stale = freshProblem.textContent.trim() !== "";
  const changes = updateTable(document.adoptNode(fresh));
  section.classList.toggle("hp-figures-old", stale);
  problem.replaceChildren(...document.adoptNode(freshProblem).childNodes);
  localise(table);
  updateChoices({ byHand });
  highlight(changes);
  const news = describe(changes);
  if (stale) announce(problem.textContent.trim());
  else if (news) announce(fill(say.changed, { changes: news }));
  else if (byHand) announce(say.unchanged);
}

/** The figures and what is the user's own beside them; for a server of somebody else's, its whole page. */
async function read(answer) {
  const text = await answer.text();
  const isData = answer.headers?.get("Content-Type")?.includes("json");
  const { figures, own } = isData && answer.ok ? JSON.parse(text) : { figures: { html: text }, own: null };
  return { page: new DOMParser().parseFromString(figures.html, "text/html"), own };
}

async function look(byHand) {
  table.setAttribute("aria-busy", "true");
  const answer = await ask(button.dataset.url);
  const { page, own } = await read(answer);
  if (answer.ok && page.getElementById("queue-table")) showFresh(page, own, byHand);
  else showFailure(Boolean(page.getElementById("hp-login")) || [401, 403].includes(answer.status));
  table.removeAttribute("aria-busy");
}

/** One look at a time: whoever presses meanwhile waits for the one under way. */
function refresh(byHand) {
  if (byHand) announce(say.refreshing);
  asking ??= look(byHand).finally(() => {
    asking = null;
  });
  return asking;
}

/** The next look starts after the last has ended, later after failures, and not while nobody looks. */
function schedule() {
  clearTimeout(timer);
  if (!automatic.checked || document.hidden) return;
  const seconds = Math.min(INTERVAL_SECONDS * 2 ** failures, LONGEST_INTERVAL_SECONDS);
  timer = setTimeout(() => refresh(false).then(schedule), seconds * 1000);
}

function showAge() {
  const age = table.querySelector("[data-age]");
  if (!age) return;
  const seconds = Number(age.dataset.age) + Math.floor((performance.now() - ageAtLoad) / 1000);
  age.textContent =
    seconds < 120 ? fill(say.second, { n: seconds }) : fill(say.minute, { n: Math.floor(seconds / 60) });
}

button.addEventListener("click", () => refresh(true).then(schedule));
automatic.checked = localStorage.getItem(REMEMBER) === "on";
automatic.addEventListener("change", () => {
  localStorage.setItem(REMEMBER, automatic.checked ? "on" : "off");
  schedule();
});
document.addEventListener("visibilitychange", schedule);
setInterval(showAge, 1000);
schedule();
