// The time left of a server, counted down; and the warning before its end, said once.

import { announce, fill } from "./page.js";

/** A length of time in words, as the server writes it; `span` in server_parts.html is the same. */
export function span(seconds, say) {
  const s = Math.max(0, Math.floor(seconds));
  if (s >= 86400) return fill(say.day_hour, { d: Math.floor(s / 86400), h: Math.floor((s % 86400) / 3600) });
  if (s >= 3600) return fill(say.hour_minute, { h: Math.floor(s / 3600), n: Math.floor((s % 3600) / 60) });
  if (s >= 60) return fill(say.minute, { n: Math.floor(s / 60) });
  return fill(say.second, { n: s });
}

/** Whether this warning was given in this window before: a reload must not say it again. */
function firstTime(key) {
  const name = `hpchub-warned-${key}`;
  if (sessionStorage.getItem(name)) return false;
  sessionStorage.setItem(name, "yes");
  return true;
}

function warn(notice, seconds) {
  if (!notice || seconds >= Number(notice.dataset.warn)) return;
  notice.hidden = false;
  if (firstTime(notice.dataset.warnKey)) announce(`${notice.dataset.warnTitle}: ${notice.textContent.trim()}`);
}

/** Count down all `data-left` below `root`. The clock is the page's own, not the computer's, which may be wrong. */
export function countDown(say, root = document) {
  const began = performance.now();
  const places = [...root.querySelectorAll("[data-left]")].map((place) => ({
    place,
    left: Number(place.dataset.left),
    notice: place.closest("section")?.querySelector("[data-warn]"),
  }));
  const tick = () => {
    for (const { place, left, notice } of places) {
      const seconds = left - (performance.now() - began) / 1000;
      const text = span(seconds, say);
      if (place.textContent !== text) place.textContent = text;
      warn(notice, seconds);
    }
  };
  tick();
  return setInterval(tick, 1000);
}
