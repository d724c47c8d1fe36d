// Hours, GPUs, project and cost follow the chosen queue. The server checks all of it again.

import { announce, fill } from "./page.js";

const language = document.documentElement.lang;
const form = document.getElementById("queues").closest("form");
const hours = document.getElementById("hours");
const hoursHelp = document.getElementById("hours-help");
const gpus = document.getElementById("gpus");
const account = document.getElementById("account");
const costSum = document.getElementById("cost-sum");

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

const list = (text) => (text ? text.split(" ") : []);
const chosenQueue = () => form.querySelector('input[name="queue"]:checked');
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
function restrict(select, allowed) {
  if (!select) return;
  for (const option of select.options) {
    option.hidden = option.disabled = option.value ? !allowed.includes(option.value) : allowed.length > 0;
  }
  if (!select.value || !allowed.includes(select.value)) select.value = allowed[0] ?? "";
}

function followQueue(say, { isNewChoice }) {
  const queue = chosenQueue();
  if (queue) {
    const { maxHours, defaultHours } = queue.dataset;
    hours.max = maxHours;
    if (!hours.value || (isNewChoice && Number(hours.value) > Number(maxHours))) hours.value = defaultHours;
    hoursHelp.textContent = fill(hoursHelp.dataset.words, { hours: inWords(say, Number(maxHours)) });
    const choices = list(queue.dataset.gpus);
    restrict(gpus, choices);
    document.getElementById("gpus-field")?.toggleAttribute("hidden", choices.length === 0);
    restrict(account, list(queue.dataset.accounts));
  }
  updateCost(say);
}

/** Hook up the fields; returns what brings them up to date after the table has changed. */
export function setUpChoices(say) {
  form.addEventListener("change", (event) => {
    if (event.target.name === "queue") followQueue(say, { isNewChoice: true });
  });
  hours.addEventListener("input", () => updateCost(say));
  followQueue(say, { isNewChoice: false });
  clearTimeout(sayLater); // what was there from the start needs no announcement
  return () => followQueue(say, { isNewChoice: false });
}
