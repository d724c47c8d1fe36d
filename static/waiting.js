// The waiting page: follows the hub's progress stream until the server is ready or has failed.

import { headline, notify, setUpNotify, whenSeen } from "./notify.js";
import { announce, ask, fill, formatMoment, formatTime, pause, words } from "./page.js";

const STEPS = ["submitting", "waiting", "starting", "ready"];
// What Slurm calls running is, for a person who waits, the notebook starting.
const STEP_OF = { line: "submitting", running: "starting", ending: "starting", ended: "starting", unknown: "waiting" };
const CANCEL_TRIES = 4;

const say = words();
const waiting = document.getElementById("waiting");
const bar = document.getElementById("progress");
const log = document.getElementById("progress-log");
const connection = document.getElementById("connection");
const cancel = document.getElementById("cancel");
let since = null;
let reason = "";
let logTail = "";
let cancelling = false;
let events = null;

function setFact(name, text) {
  const fact = document.querySelector(`[data-fact="${name}"]`);
  if (fact.textContent !== text) fact.textContent = text;
}

function showFacts(event) {
  for (const name of ["queue", "job_id", "state"]) {
    if (name in event) setFact(name, event[name] || "–");
  }
  if ("reason" in event) setFact("reason", event.reason || "–");
  if ("ahead" in event) setFact("ahead", showAhead(event));
  if ("expected_start" in event) {
    const hasStarted = (STEP_OF[event.phase] ?? event.phase) === "starting";
    setFact("expected_start", hasStarted ? "–" : showExpected(event.expected_start));
  }
  if (event.since) since = new Date(event.since);
}

function showExpected(start) {
  if (!start) return say.unknown;
  const moment = new Date(start);
  // An expectation that is over is none: Slurm's last plan has not come true.
  return moment > Date.now() ? formatMoment(moment) : say.soon;
}

function showAhead({ ahead, phase }) {
  if (ahead === null || ahead === undefined) return "–";
  return ahead === 0 && phase === "waiting" ? say.next : String(ahead);
}

function showStep(phase) {
  const current = STEPS.indexOf(STEP_OF[phase] ?? phase);
  if (current < 0) return;
  for (const [index, item] of [...document.querySelectorAll("#steps li")].entries()) {
    item.toggleAttribute("data-done", index < current);
    if (index === current) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
}

/** Queueing has no measure: the bar gets a value only when the event brings one. */
function showProgress(event) {
  const known = typeof event.progress === "number" && event.phase !== "waiting" && event.phase !== "submitting";
  if (known) {
    bar.setAttribute("aria-valuenow", String(event.progress));
    bar.setAttribute("aria-valuemin", "0");
    bar.setAttribute("aria-valuemax", "100");
    bar.firstElementChild.style.width = `${event.progress}%`;
  } else {
    for (const name of ["aria-valuenow", "aria-valuemin", "aria-valuemax"]) bar.removeAttribute(name);
    bar.firstElementChild.style.removeProperty("width");
  }
}

function addToLog(message) {
  if (log.lastElementChild?.dataset.message === message) return;
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = formatTime(new Date());
  item.dataset.message = message;
  item.append(time, message);
  log.append(item);
}

/** The text of a message in HTML: the hub's failure may bring the log only that way. Nothing is inserted raw. */
function textOf(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const lines = page.querySelector("pre")?.textContent ?? "";
  page.querySelectorAll("pre").forEach((element) => element.remove());
  return { lines, message: page.querySelector("p")?.textContent ?? page.body.textContent.trim() };
}

/** The hub puts its own English words, and Python's, before the message of a failed start. */
function plain(message) {
  if (message === "Spawn cancelled") return say.cancelled;
  if (message === "Spawn failed") return "";
  return (message || "").replace(/^Spawn failed: /, "").replace(/^\d+ SpawnException\([^)]*\): /, "");
}

function showFailure(event) {
  events.close();
  if (cancelling) return;
  const html = event.html_message ? textOf(event.html_message) : { lines: "", message: "" };
  const message = html.message || reason || plain(event.message) || say.failed;
  document.getElementById("failed-message").textContent = message;
  showLog(event.log_tail || logTail || html.lines);
  waiting.hidden = true;
  document.getElementById("failed").hidden = false;
  document.getElementById("failed-title").focus();
  announce(`${say.failed} ${message}`);
  notify(say.failed, message);
}

function showLog(lines) {
  const box = document.getElementById("failed-log");
  box.hidden = !lines;
  box.querySelector("pre").textContent = lines;
}

function showEvent(event) {
  connection.hidden = true;
  if (event.log_tail) logTail = event.log_tail;
  if (event.failed) return showFailure(event);
  if (event.ready) {
    events.close();
    showStep("ready");
    announce(say.ready);
    notify(say.ready);
    // The hub leads on to the server, or to wherever the person was going.
    return whenSeen().then(() => location.reload());
  }
  if (event.phase === "ended") reason = event.message;
  headline(event.phase === "waiting" && event.ahead > 0 ? fill(say.ahead, { n: event.ahead }) : "");
  showStep(event.phase);
  showFacts(event);
  showProgress(event);
  if (event.message) {
    document.getElementById("progress-message").textContent = event.message;
    addToLog(event.message);
    announce(event.message);
  }
}

/** A stream that the browser gave up: look until the hub answers, then start afresh. */
async function startAfresh() {
  for (;;) {
    await pause(4);
    const answer = document.hidden ? { status: 0 } : await ask(location.href);
    if (answer.status >= 200 && answer.status < 500) break;
  }
  location.reload();
}

function follow() {
  events = new EventSource(waiting.dataset.progress);
  events.onmessage = (message) => showEvent(JSON.parse(message.data));
  events.onopen = () => {
    connection.hidden = true;
  };
  events.onerror = () => {
    if (cancelling) return;
    connection.hidden = false;
    announce(connection.textContent);
    if (events.readyState === EventSource.CLOSED) startAfresh();
  };
}

function showElapsed() {
  if (!since) return;
  const seconds = Math.max(0, Math.floor((Date.now() - since) / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  if (h) setFact("elapsed", fill(say.hour_minute, { h, n: m }));
  else if (m) setFact("elapsed", `${fill(say.minute, { n: m })} ${fill(say.second, { n: s })}`);
  else setFact("elapsed", fill(say.second, { n: s }));
}

function cancelFailed(status) {
  cancelling = false;
  cancel.disabled = false;
  follow();
  const text = status === 401 || status === 403 ? say.expired : say.cancel_failed;
  document.getElementById("progress-message").textContent = text;
  announce(text);
}

/** Cancel the job. The hub refuses while a start is just being undone, so it is asked a few times. */
async function cancelServer() {
  cancelling = true;
  cancel.disabled = true;
  // For a moment the hub takes an interrupted start for a finished one; its stream is of no use any more.
  events.close();
  announce(say.cancelling);
  let status = 0;
  for (let attempt = 0; attempt < CANCEL_TRIES; attempt += 1) {
    if (attempt) await pause(1.5);
    status = (await ask(waiting.dataset.server, { method: "DELETE" })).status;
    if (status === 202 || status === 204 || status === 404) {
      announce(say.cancelled);
      return location.assign(waiting.dataset.home);
    }
    if (status === 401 || status === 403) break;
  }
  return cancelFailed(status);
}

cancel.addEventListener("click", cancelServer);
setInterval(showElapsed, 1000);
setUpNotify(say);
follow();
