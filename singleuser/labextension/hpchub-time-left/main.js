/* Puts the parts together: clock, view, and Jupyter's window. */

import { Clock } from "./clock.js";
import { View } from "./view.js";

const NAME = "hpchub-time-left";
const RANK = 950; // right of the menus

/** Begin; it shows nothing until the server has said when the job ends. */
export async function start(app, shared, url, interval) {
  const { Widget } = await sharedModule(shared, "@lumino/widgets");
  await style();
  const warned = new Warned();
  const view = new View(() => warned.seen());
  const widget = new Widget({ node: view.node });
  widget.id = NAME;
  widget.hide();
  app.shell.add(widget, "top", { rank: RANK });
  window.addEventListener("storage", (event) => event.key === NAME && warned.elsewhere() && view.close());
  new Clock((signal) => ask(url, signal), interval, (facts, left, mark) => {
    widget.setHidden(!facts);
    if (!facts) {
      view.close();
      return;
    }
    view.write(facts, left, mark);
    if (warned.isNew(facts.job_id, mark)) {
      view.warn();
    }
  });
}

/** The front end's own copy of a module: a widget of another copy would not be one of its widgets. */
async function sharedModule(shared, name) {
  const versions = Object.values(shared[name] || {});
  const version = versions.find((each) => each.loaded) || versions[0];
  return (await version.get())();
}

function style() {
  return new Promise((resolve) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: new URL("style.css", import.meta.url), onload: resolve });
    link.onerror = resolve;
    document.head.append(link);
  });
}

async function ask(url, signal) {
  const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)?.[1] || "";
  const answer = await fetch(url, { headers: { "X-XSRFToken": xsrf }, cache: "no-store", signal });
  if (!answer.ok) {
    throw new Error(`HTTP ${answer.status}`);
  }
  return answer.json();
}

/**
 * Which warnings were given. The browser keeps what was put away, for the other windows and after a reload.
 *
 * A mark is how many minutes before the end a warning came; 0 is none. Marks grow again when a job is extended.
 */
class Warned {
  #job = "";
  #mark = 0;

  isNew(job, mark) {
    const before = this.#job === String(job) ? this.#mark : 0;
    [this.#job, this.#mark] = [String(job), mark];
    const put = stored();
    const away = put.job === this.#job ? put.mark : 0;
    if (away && (!mark || mark > away)) {
      this.seen();
    }
    return mark > 0 && (!before || mark < before) && (!away || mark < away);
  }

  seen() {
    store({ job: this.#job, mark: this.#mark });
  }

  elsewhere() {
    const put = stored();
    return put.job === this.#job && put.mark === this.#mark;
  }
}

function stored() {
  try {
    return JSON.parse(localStorage.getItem(NAME)) || {};
  } catch {
    return {};
  }
}

function store(value) {
  try {
    localStorage.setItem(NAME, JSON.stringify(value));
  } catch {
    // a browser that keeps nothing: the warning comes again after a reload
  }
}
