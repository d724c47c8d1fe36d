// Tells people who have gone to another window that their server is there, or that it will not come.
// Nothing is sent anywhere: the page itself, which must stay open, shows the message.

import { announce } from "./page.js";

const REMEMBER = "hpchub-notify";

const title = document.title;
let wish = null;

function state() {
  if (!("Notification" in window) || !window.isSecureContext) return "missing";
  return Notification.permission;
}

/** Whether a message is wanted and allowed. */
export const wanted = () => Boolean(wish?.checked) && state() === "granted";

function explain(note, say) {
  const texts = { missing: say.notify_missing, denied: say.notify_denied, granted: wish.checked ? say.notify_on : "" };
  note.textContent = texts[state()] ?? "";
  wish.disabled = state() === "missing" || state() === "denied";
  if (wish.disabled) wish.checked = false;
}

async function change(note, say) {
  // The browser asks the person; it does so only right after a press.
  if (wish.checked && state() === "default") await Notification.requestPermission();
  if (state() !== "granted") wish.checked = false;
  localStorage.setItem(REMEMBER, wish.checked ? "on" : "off");
  explain(note, say);
  if (note.textContent) announce(note.textContent);
}

/** Set up the switch; the wish is remembered for the next server, as far as the browser still allows it. */
export function setUpNotify(say) {
  wish = document.getElementById("notify");
  const note = document.getElementById("notify-note");
  wish.checked = localStorage.getItem(REMEMBER) === "on" && state() === "granted";
  wish.addEventListener("change", () => change(note, say));
  explain(note, say);
}

/** Put the news into the title, which a list of tabs shows; without news, the page's own title again. */
export function headline(news) {
  document.title = news ? `${news} · ${title}` : title;
}

/** Show the message, where it is wanted; a press on it leads to this window. */
export function notify(text, body = "") {
  headline(text);
  if (!wanted()) return;
  try {
    const message = new Notification(text, { body, tag: "hpchub", lang: document.documentElement.lang });
    message.addEventListener("click", () => {
      window.focus();
      message.close();
    });
  } catch {
    // Android's browsers have the interface but allow it to service workers only: the title must do.
  }
}

/** Wait until somebody looks at this window, if a message has called them. */
export function whenSeen() {
  if (!document.hidden || !wanted()) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", () => document.hidden || resolve());
  });
}
