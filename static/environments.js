// My environments: follows what is going on, and opens the forms in a dialog. Without it all works as pages.

import { announce, fill, localise, pause, words } from "./page.js";

const LONGEST_PAUSE_SECONDS = 60;
const RELOAD_KEY = "hpchub-environments-reloaded";
const RELOAD_PAUSE_MS = 30_000;

const say = words();
const { prefix, xsrf } = document.body.dataset;
const dialog = document.getElementById("hp-dialog");
const followed = new Map();

function ask(url, options = {}) {
  const headers = { "X-XSRFToken": xsrf, ...options.headers };
  return fetch(url, { credentials: "same-origin", cache: "no-store", ...options, headers });
}

/** Write a part of an action's display; what is the same stays untouched, so nobody loses a selection. */
function write(box, part, text) {
  const element = box.querySelector(`[data-part="${part}"]`);
  if (element && element.textContent !== text) element.textContent = text;
}

function megabytes(size) {
  return size >= 1e6 ? `${(size / 1e6).toFixed(size < 1e8 ? 1 : 0)} MB` : `${(size / 1e3).toFixed(0)} kB`;
}

function stepLine({ state, reason, step_text: step, current, over }) {
  if (state === "waiting") return fill(say.waiting, { reason: reason || "–" });
  if (!step) return over ? "" : say.starting;
  return current ? fill(say.working, { step, current }) : step;
}

function countsLine({ packages, bytes }) {
  const parts = [];
  if (packages.total) parts.push(fill(say.packages, packages));
  if (bytes.total) parts.push(fill(say.bytes, { done: megabytes(bytes.done), total: megabytes(bytes.total) }));
  return parts.join(" · ");
}

function showMeter(box, action) {
  const meter = box.querySelector('[data-part="meter"]');
  if (!meter) return;
  const counts = [action.packages, action.bytes].find(({ total }) => total);
  if (action.state === "running" && counts) meter.value = Math.min(1000, (1000 * counts.done) / counts.total);
  else meter.removeAttribute("value");
}

function showTime(box, part, moment) {
  const element = box.querySelector(`[data-part="${part}"]`);
  if (!element || !moment || element.querySelector("time")) return;
  const time = document.createElement("time");
  time.dateTime = moment;
  time.dataset.local = "full";
  element.replaceChildren(time);
  localise(element);
}

function showLog(box, { log, whole }) {
  const element = box.querySelector("#log");
  if (!element || (!log.length && !whole)) return;
  const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
  const text = log.join("\n");
  if (whole) element.textContent = text;
  else element.append(element.textContent ? `\n${text}` : text);
  if (atEnd) element.scrollTop = element.scrollHeight;
}

function show(box, action) {
  write(box, "badge", action.state_text);
  write(box, "step", stepLine(action));
  write(box, "counts", countsLine(action));
  write(box, "unread", action.unread || "");
  write(box, "job", action.job || "–");
  write(box, "host", action.host || "–");
  showMeter(box, action);
  showTime(box, "began", action.began);
  showTime(box, "ended", action.ended);
  showLog(box, action);
  if (box.dataset.step !== `${action.state} ${action.step}`) {
    box.dataset.step = `${action.state} ${action.step}`;
    announce(`${action.verb_text}, ${action.environment}: ${stepLine({ ...action, current: "" }) || action.state_text}`);
  }
  box.dataset.state = action.state;
}

/** Read server-sent events: an EventSource could not send the token that proves where we come from. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
      );
      if (fields.data) yield fields;
    }
  }
}

/** A login that has ended is renewed by loading the page, but not again and again. */
function loginEnded(box) {
  const last = Number(sessionStorage.getItem(RELOAD_KEY) || 0);
  if (Date.now() - last > RELOAD_PAUSE_MS) {
    sessionStorage.setItem(RELOAD_KEY, String(Date.now()));
    location.reload();
  } else write(box, "unread", say.expired);
}

/** Listen once; say whether the action is over. */
async function listen(box, stop) {
  const headers = box.dataset.offset ? { "Last-Event-ID": box.dataset.offset } : {};
  const url = `${prefix}api/v1/actions/${box.dataset.action}/events`;
  const response = await ask(url, { headers, signal: stop });
  if (response.status === 403) {
    loginEnded(box);
    return true;
  }
  if (!response.ok) throw new Error(String(response.status));
  for await (const { event, id, data } of events(response)) {
    if (event === "end") return true;
    const action = JSON.parse(data);
    box.dataset.offset = id;
    show(box, action);
    if (action.over) return ended(box, action);
  }
  return false;
}

async function ended(box, action) {
  await refresh();
  announce(
    fill(say.ended, { what: `${action.verb_text}, ${action.environment}`, state: action.problem?.message || action.state_text }),
  );
  return true;
}

async function follow(box, stop) {
  let failures = 0;
  while (!stop.aborted) {
    try {
      if (await listen(box, stop)) return;
      failures = 0;
      await pause(0.2);
    } catch {
      if (stop.aborted) return;
      failures += 1;
      write(box, "unread", say.lost);
      await pause(Math.min(2 ** failures, LONGEST_PAUSE_SECONDS));
    }
  }
}

/** Follow what is going on, while somebody looks; when nothing is, nothing is asked. */
function followAll() {
  const boxes = document.hidden ? [] : [...document.querySelectorAll("[data-action]")];
  const wanted = new Map(boxes.filter((box) => ["waiting", "running"].includes(box.dataset.state)).map((box) => [box.dataset.action, box]));
  for (const [id, { stop, box }] of followed) {
    if (wanted.get(id) === box) continue;
    stop.abort();
    followed.delete(id);
  }
  for (const [id, box] of wanted) {
    if (followed.has(id)) continue;
    const stop = new AbortController();
    followed.set(id, { stop, box });
    follow(box, stop.signal);
  }
}

/** Take over what a fresh page says, where it differs. */
async function refresh() {
  // A service that was started anew sends browsers through the login, which only a page can follow.
  const response = await ask(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!response.ok || !fresh.getElementById("main")) return;
  const parts = ["problems", "making", "environments", "history", "packages", "action"];
  for (const id of parts) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (!old || !now) continue;
    if (old.innerHTML !== now.innerHTML) old.replaceChildren(...document.adoptNode(now).childNodes);
    old.hidden = now.hidden;
    if (now.dataset.state) old.dataset.state = now.dataset.state;
    localise(old);
  }
  const live = document.getElementById("live");
  const going = fresh.getElementById("live");
  if (!live || !going) return;
  for (const box of live.querySelectorAll("[data-action]")) {
    if (!going.querySelector(`[data-action="${box.dataset.action}"]`)) box.remove();
  }
  for (const box of going.querySelectorAll("[data-action]")) {
    if (!live.querySelector(`[data-action="${box.dataset.action}"]`)) live.append(document.adoptNode(box));
  }
  localise(live);
  followAll();
}

/** Show a page's form in the dialog; where that does not work the link leads to the page. */
async function open(link) {
  try {
    const response = await ask(link.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const card = page.getElementById("form-card");
    if (!card || response.redirected) throw new Error("no form");
    dialog.replaceChildren(document.adoptNode(card));
  } catch {
    location.assign(link.href);
    return;
  }
  localise(dialog);
  dialog.setAttribute("aria-labelledby", "form-title");
  dialog.showModal();
  dialog.querySelector("input:not([type=hidden]), textarea, select, button")?.focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if ("dialog" in link.dataset && !dialog.open) {
    event.preventDefault();
    open(link);
  } else if ("close" in link.dataset && dialog.open) {
    event.preventDefault();
    dialog.close();
  }
});

document.addEventListener("change", (event) => {
  const { files, dataset } = event.target;
  if (!files || !dataset.most) return;
  const large = [...files].some((file) => file.size > Number(dataset.most));
  event.target.setCustomValidity(large ? say.large : "");
  event.target.reportValidity();
});

// A form that is on its way is not sent twice.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  const button = event.target.querySelector("button:not([type]), button[type=submit]");
  setTimeout(() => {
    if (button) button.disabled = true;
  });
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// What was begun in another tab, or in a terminal, shows once somebody looks here again.
document.addEventListener("visibilitychange", () => {
  followAll();
  if (!document.hidden && !dialog.open) refresh().catch(() => {});
});
for (const log of document.querySelectorAll("#log")) log.scrollTop = log.scrollHeight;
followAll();
