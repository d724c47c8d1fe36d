// What every page shares: words, announcements, local times.

/** The page's translated words, from a JSON script element. */
export function words(id = "hp-words") {
  return JSON.parse(document.getElementById(id)?.textContent || "{}");
}

/** Fill %(name)s and %(name)d placeholders. */
export function fill(text, params) {
  return text.replace(/%\((\w+)\)[sd]/g, (_, name) => params[name] ?? "");
}

/** Say something once to a screen reader; the same sentence twice in a row is not repeated. */
export function announce(text) {
  const status = document.getElementById("hp-status");
  if (status.textContent !== text) status.textContent = text;
}

/** The language of the page decides how times and numbers look. */
const language = document.documentElement.lang;

export function formatTime(moment) {
  return new Intl.DateTimeFormat(language, { timeStyle: "medium", hourCycle: "h23" }).format(moment);
}

export function formatMoment(moment) {
  const style = { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" };
  return new Intl.DateTimeFormat(language, style).format(moment);
}

/** Turn the UTC times that the server wrote into local ones. */
export function localise(root = document) {
  for (const element of root.querySelectorAll("time[data-local]")) {
    const moment = new Date(element.dateTime);
    if (!Number.isNaN(moment.getTime())) {
      element.textContent = element.dataset.local === "time" ? formatTime(moment) : formatMoment(moment);
    }
  }
}

/** A request to the hub with its XSRF token; never throws, a lost connection is a status of 0. */
export async function ask(url, options = {}) {
  const headers = { "X-XSRFToken": window.jhdata.xsrf_token, ...options.headers };
  try {
    return await fetch(url, { credentials: "same-origin", cache: "no-store", ...options, headers });
  } catch {
    return { ok: false, status: 0, url, text: async () => "", json: async () => ({}) };
  }
}

export const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

localise();
// The hub's own pages set this when they are ready; its tests wait for it.
window._jupyterhub_page_loaded = true;
