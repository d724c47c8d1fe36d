/* What is seen and heard: a button in the top bar, a panel under it, and a live region. */

import { isPaused } from "./clock.js";
import { languageOf, lengthOf, timeOf, wordsOf } from "./words.js";

const PANEL = "hpchub-time-panel";

function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/** The parts of the page. `node` goes into the top bar; the others are at the end of the page. */
export class View {
  constructor(closed) {
    this.closed = closed;
    this.button = element("button", { type: "button", className: "hpchub-time-button" });
    this.button.setAttribute("aria-expanded", "false");
    this.button.setAttribute("aria-controls", PANEL);
    this.button.addEventListener("click", () => this.toggle());
    this.node = element("div", { className: "hpchub-time" }, this.button);
    this.panel = element("div", { id: PANEL, hidden: true, tabIndex: -1 });
    this.panel.setAttribute("role", "dialog");
    // Keys are for the panel then, and not for a notebook that would take them for commands.
    this.panel.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") {
        this.close(true);
      }
    });
    this.voice = element("div", { className: "hpchub-time-voice" });
    this.voice.setAttribute("role", "status");
    document.body.append(this.panel, this.voice);
  }

  /** Write what is known; `mark` is the warning that holds, in minutes, or 0. */
  write(facts, left, mark) {
    const lang = languageOf(facts.lang, navigator.languages);
    const words = wordsOf(lang);
    for (const part of [this.node, this.panel, this.voice]) {
      part.lang = lang;
      part.dataset.mark = mark;
    }
    if (this.warned && !mark) {
      this.close(); // it was extended
    }
    this.button.textContent = glance(facts, left, words);
    this.say(facts, left, mark, lang, words);
  }

  say(facts, left, mark, lang, words) {
    const when = facts.ends ? new Date(facts.ends) : new Date(Date.now() + left * 1000);
    const ends = isPaused(facts) ? words.pausedLong : words.ends(timeOf(when, lang));
    const told = [
      element("p", { className: "hpchub-time-end", textContent: ends }),
      ...notes(facts, mark, lang, words).map((textContent) => element("p", { textContent })),
      list([[words.job, facts.job_id], [words.queue, facts.queue], [words.node, facts.node]]),
      element("p", { className: "hpchub-time-actions" }, link(facts, words), this.closer(words)),
    ];
    this.warning = `${ends} ${words.save}`;
    const text = told.map((node) => node.textContent).join();
    if (text !== this.text) {
      // Not every time: something in it may have the focus.
      this.text = text;
      this.panel.setAttribute("aria-label", words.title);
      this.panel.replaceChildren(...told);
    }
  }

  closer(words) {
    const close = element("button", { type: "button", textContent: words.close });
    close.addEventListener("click", () => this.close(true));
    return close;
  }

  /** Show the warning and say it, once; the focus stays where somebody types. */
  warn() {
    this.open();
    this.warned = true;
    this.voice.textContent = this.warning;
  }

  toggle() {
    if (this.panel.hidden) {
      this.open();
      this.panel.focus();
    } else {
      this.close(true);
    }
  }

  open() {
    const { bottom, right, width } = this.button.getBoundingClientRect();
    const margin = width ? document.documentElement.clientWidth - right : 0; // 0: Notebook's header is hidden
    this.panel.style.top = `${bottom + 4}px`;
    this.panel.style.right = `${Math.max(4, margin)}px`;
    this.panel.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
  }

  /** Put the panel away; `byHand` when this person did it, here. */
  close(byHand = false) {
    const inside = this.panel.contains(document.activeElement);
    this.panel.hidden = true;
    this.warned = false;
    this.button.setAttribute("aria-expanded", "false");
    this.voice.textContent = "";
    if (inside) {
      this.button.focus();
    }
    if (byHand && this.panel.dataset.mark !== "0") {
      this.closed();
    }
  }
}

function glance(facts, left, words) {
  if (isPaused(facts)) {
    return words.paused;
  }
  return left > 0 ? words.left(lengthOf(left, words)) : words.over;
}

/** What else there is to say: what to do, what is possible, what is doubtful. */
function notes(facts, mark, lang, words) {
  const until = facts.extend_to ? words.more(timeOf(new Date(facts.extend_to), lang)) : words.moreSome;
  return [
    mark ? words.save : "",
    facts.can_extend ? until : "",
    facts.silent && facts.as_of ? words.old(timeOf(new Date(facts.as_of), lang)) : "",
  ].filter(Boolean);
}

function list(facts) {
  const known = facts.filter(([, fact]) => fact);
  return element("dl", {}, ...known.flatMap(([term, fact]) => [
    element("dt", { textContent: term }),
    element("dd", { textContent: fact }),
  ]));
}

function link(facts, words) {
  const [href, textContent] = facts.can_extend
    ? [facts.extend_url || facts.home, words.extend]
    : [facts.home, words.home];
  const anchor = element("a", { href, target: "_blank", rel: "noopener", textContent });
  anchor.append(element("span", { className: "hpchub-time-voice", textContent: ` (${words.newTab})` }));
  return anchor;
}
