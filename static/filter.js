// A long list grows shorter while somebody types. What is hidden is hidden for everybody; nothing is fetched.

import { announce, fill, words } from "./page.js";

const ANNOUNCE_MS = 400;

const say = words();
const box = document.getElementById("filter");
const list = document.getElementById("environments");
const text = document.getElementById("filter-text");
const count = document.getElementById("filter-count");
let announcing;

const plain = (words) => words.normalize("NFKC").toLowerCase();

/** Show what has all the words; return how many that are, and of how many. */
function apply() {
  const cards = [...list.querySelectorAll("[data-words]")];
  const wanted = plain(text.value).split(/\s+/).filter(Boolean);
  box.hidden = cards.length < Number(box.dataset.from) && !wanted.length;
  for (const card of cards) {
    const has = plain(card.dataset.words);
    card.hidden = !wanted.every((word) => has.includes(word));
  }
  const sentence = fill(say.shown, { shown: cards.filter((card) => !card.hidden).length, total: cards.length });
  count.textContent = wanted.length ? sentence : "";
  return sentence;
}

// A screen reader hears where the list stands once its reader has stopped typing.
text.addEventListener("input", () => {
  const sentence = apply();
  clearTimeout(announcing);
  announcing = setTimeout(() => announce(sentence), ANNOUNCE_MS);
});
// The list is written anew when something was made or went.
new MutationObserver(apply).observe(list, { childList: true });
apply();
