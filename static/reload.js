// Looks again every few seconds whether the server has stopped.

import { ask, pause } from "./page.js";

for (;;) {
  await pause(3);
  const answer = document.hidden ? { ok: false } : await ask(location.href);
  if (answer.ok || answer.status === 404) location.reload();
  if (answer.ok) break;
}
