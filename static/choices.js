// The fields follow the chosen queue, and Slurm is asked when such a server would start. The server checks
// all of it again.

import { announce, ask, fill, formatMoment } from "./page.js";

const PAUSE_MS = 400; // after the last change, before Slurm is asked
const AGAIN_MS = 3000; // for what was not answered yet
const MOST_ASKED = 10; // times in a row
const FIELDS = ["gpu_type", "gpus", "feature", "account", "qos", "reservation"];
const environment = document.getElementById("environment");

const language = document.documentElement.lang;
const table = document.getElementById("queue-table");
const form = document.getElementById("queues").closest("form");
const hours = document.getElementById("hours");
const hoursHelp = document.getElementById("hours-help");
const costSum = document.getElementById("cost-sum");
const limits = document.getElementById("limits");
const expectedUrl = document.getElementById("refresh").dataset.expected;

/** The cost in words: exact decimals, rounded half up to what the currency can pay. */
export function costOf(price, count, currency) {
  const format = new Intl.NumberFormat(language, { style: "currency", currency });
  const places = format.resolvedOptions().maximumFractionDigits;
  const [whole, fraction = ""] = price.split(".");
  const excess = 10n ** BigInt(fraction.length);
  const unit = 10n ** BigInt(places);
  const product = BigInt(whole + fraction) * BigInt(count) * unit;
  const rounded = (product * 2n + excess) / (excess * 2n);
  const figures = new Intl.NumberFormat(language).format(rounded / unit);
  const rest = rounded % unit;
  return `${figures}${rest ? `.${String(rest).padStart(places, "0")}` : ""} ${currency}`;
}

const radios = () => [...form.querySelectorAll('input[name="queue"]')];
const chosenQueue = () => radios().find((radio) => radio.checked);
const offersOf = (queue) => JSON.parse(queue.dataset.offers || "{}");
let sayLater = 0;

function inWords(say, count) {
  return fill(count === 1 ? say.hour : say.hours, { n: count });
}

function describeCost(say, queue) {
  const count = Number(hours.value);
  if (!queue) return say.none;
  if (!queue.dataset.price) return say.free;
  if (!Number.isInteger(count) || count < 1) return say.none;
  const cost = costOf(queue.dataset.price, count, say.currency);
  return fill(say.cost, { cost, hours: inWords(say, count) });
}

function updateCost(say) {
  const queue = chosenQueue();
  document.getElementById("cost-paid").hidden = !queue?.dataset.price;
  document.getElementById("cost-free").hidden = !queue || Boolean(queue.dataset.price);
  const text = describeCost(say, queue);
  if (costSum.textContent.trim() === text) return;
  costSum.textContent = text;
  clearTimeout(sayLater);
  sayLater = setTimeout(() => announce(text), 700);
}

/** Offer only what the queue gives; a choice it does not give falls back to its first, the usual one. */
function restrict(name, allowed, mayBeEmpty) {
  const select = document.getElementById(name);
  if (!select) return;
  for (const option of select.options) {
    const fits = option.value ? allowed.includes(option.value) : mayBeEmpty || allowed.length === 0;
    option.hidden = option.disabled = !fits;
  }
  const wrong = select.value ? !allowed.includes(select.value) : !mayBeEmpty;
  if (wrong) select.value = mayBeEmpty ? "" : (allowed[0] ?? "");
  const field = select.closest("[data-choice]");
  // What is wrong with a field has to be seen, whichever queue is chosen.
  if (field) field.hidden = allowed.length === 0 && !document.getElementById(`${name}-error`) && name !== "account";
}

/** Some images are for some queues only; whoever has chosen one falls back to what the page has chosen. */
function restrictEnvironments(queue) {
  if (!environment) return;
  for (const option of environment.options) {
    const queues = option.dataset.queues?.split(" ");
    option.disabled = "closed" in option.dataset || Boolean(queues && !queues.includes(queue.value));
  }
  if (!environment.selectedOptions[0]?.disabled) return;
  const open = [...environment.options].filter((option) => !option.disabled);
  const usual = open.find((option) => option.defaultSelected) ?? open[0];
  if (usual) usual.selected = true;
}

function followQueue(say, { isNewChoice }) {
  const queue = chosenQueue();
  if (queue) {
    const { maxHours, defaultHours } = queue.dataset;
    hours.max = maxHours;
    if (!hours.value || (isNewChoice && Number(hours.value) > Number(maxHours))) hours.value = defaultHours;
    hoursHelp.textContent = fill(hoursHelp.dataset.words, { hours: inWords(say, Number(maxHours)) });
    const offers = offersOf(queue);
    for (const name of FIELDS) {
      const offered = name === "gpus" ? gpusFor(offers) : (offers[name] ?? []);
      restrict(name, offered.map(String), (offers.free ?? []).includes(name));
    }
    restrictEnvironments(queue);
  }
  updateCost(say);
}

/** The numbers of GPUs that go with the chosen type; `restrict` has settled the type before. */
function gpusFor(offers) {
  const type = document.getElementById("gpu_type")?.value ?? "";
  return offers.gpus?.[type] ?? offers.gpus?.[""] ?? [];
}

/** The present choices as a query, in the order of the form. */
function choicesAsQuery(more = []) {
  const query = new URLSearchParams();
  for (const name of ["queue", "interface", "hours", ...FIELDS, ...more]) {
    const value = form.elements[name]?.value;
    if (value) query.set(name, value);
  }
  return query.toString();
}

// --- when it would start ------------------------------------------------------------------------------

let told = { queues: {} };
let asked = ""; // the choices that `told` is about
let askLater = 0;
let question = 0;

function startInWords(say, forecast) {
  if (!forecast) return "–";
  if (!forecast.asked) return say.asking;
  if (forecast.now) return say.now;
  if (forecast.start) return formatMoment(new Date(forecast.start));
  return forecast.refusal ? "–" : say.cannot_say;
}

/** Show what is known, also after the table has changed. A queue that is chosen stays so, and says why not. */
function showExpected(say) {
  if (!expectedUrl) return;
  for (const radio of radios()) {
    const forecast = told.queues[radio.value];
    const isClosed = radio.dataset.closed === "yes";
    const cell = radio.closest("tr").querySelector('[data-cell="expected"]');
    const text = startInWords(say, isClosed ? null : forecast);
    if (cell.textContent.trim() !== text) cell.textContent = text;
    const refusal = isClosed ? "" : (forecast?.refusal ?? "");
    document.getElementById(`refused-${radio.value}`).textContent = refusal;
    const cannotRun = Boolean(forecast?.closed);
    radio.disabled = isClosed || (cannotRun && !radio.checked);
    radio.setCustomValidity(radio.checked && cannotRun ? refusal : "");
  }
}

function showLimits(found) {
  limits.hidden = found.length === 0;
  limits.querySelector("ul").replaceChildren(
    ...found.map(({ text, whose, full }) => {
      const item = document.createElement("li");
      item.classList.toggle("hp-full", full);
      const source = document.createElement("span");
      source.className = "hp-soft";
      source.textContent = `(${whose})`;
      item.append(text, " ", source);
      return item;
    }),
  );
}

async function askExpected(say, round = 1) {
  const mine = ++question;
  const query = choicesAsQuery();
  const answer = await ask(`${expectedUrl}?${query}`, { headers: { Accept: "application/json" } });
  // Somebody has chosen something else meanwhile: that question is under way.
  if (mine !== question) return;
  if (!answer.ok) {
    told = { queues: {} };
    for (const radio of radios()) told.queues[radio.value] = { asked: true };
    asked = "";
  } else {
    told = await answer.json();
    asked = query;
    showLimits(told.limits);
  }
  const before = document.getElementById("hp-status").textContent;
  showExpected(say);
  tellChosen(say, before);
  const isOpen = Object.values(told.queues).some((forecast) => !forecast.asked);
  if (isOpen && round < MOST_ASKED) askLater = setTimeout(() => askExpected(say, round + 1), AGAIN_MS);
}

/** Tell a screen reader why the chosen queue cannot be had; the rest it reads in the table. */
function tellChosen(say, before) {
  const queue = chosenQueue();
  const refusal = queue && told.queues[queue.value]?.refusal;
  if (!refusal || before === refusal) return;
  clearTimeout(sayLater); // the cost of what cannot be had is no news
  announce(refusal);
}

/** Ask once somebody has stopped choosing; nothing is asked for a page that nobody sees. */
function askSoon(say) {
  if (!expectedUrl) return;
  clearTimeout(askLater);
  if (document.hidden) return;
  if (asked !== choicesAsQuery()) {
    // What is known is about other choices.
    const open = radios().filter((radio) => radio.dataset.closed !== "yes");
    told = { queues: Object.fromEntries(open.map((radio) => [radio.value, { asked: false }])) };
    question += 1;
    askLater = setTimeout(() => askExpected(say), PAUSE_MS);
  }
  showExpected(say);
}

// --- a link to the choices ----------------------------------------------------------------------------

async function copyLink(say, button) {
  const link = `${location.origin}${button.dataset.page}?${choicesAsQuery(["environment"])}`;
  try {
    await navigator.clipboard.writeText(link);
    announce(say.copied);
    showCopied(say.copied, "");
  } catch {
    // No clipboard without a secure connection, or without leave.
    showCopied(say.copy, link);
  }
}

function showCopied(text, link) {
  const place = document.getElementById("copied-link");
  const field = document.getElementById("link-text");
  place.hidden = false;
  place.querySelector("label").textContent = text;
  field.hidden = !link;
  field.value = link;
  if (link) field.select();
}

/** Hook up the fields; returns what brings them up to date after the table has changed. */
export function setUpChoices(say) {
  form.addEventListener("change", (event) => {
    if (event.target.name === "queue") followQueue(say, { isNewChoice: true });
    if (event.target.name === "gpu_type") followQueue(say, { isNewChoice: false });
    askSoon(say);
  });
  hours.addEventListener("input", () => {
    updateCost(say);
    askSoon(say);
  });
  document.addEventListener("visibilitychange", () => askSoon(say));
  const copy = document.getElementById("copy-link");
  copy?.addEventListener("click", () => copyLink(say, copy));
  for (const radio of radios()) radio.dataset.closed = radio.disabled ? "yes" : "";
  followQueue(say, { isNewChoice: false });
  clearTimeout(sayLater); // what was there from the start needs no announcement
  askSoon(say);
  return ({ byHand = false } = {}) => {
    followQueue(say, { isNewChoice: false });
    if (byHand) asked = "";
    askSoon(say);
  };
}
