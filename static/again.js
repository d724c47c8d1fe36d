// Looks every few seconds whether what stands at this address answers by now, and loads it when it does.

import { ask, pause } from "./page.js";

for (;;) {
  await pause(2);
  if (document.hidden) continue;
  // A service that was started anew sends browsers through the login, which only a page can follow.
  const answer = await ask(location.href, { redirect: "manual" });
  // Whoever sent a form here comes back to its page: nothing is sent twice.
  if (answer.type === "opaqueredirect" || (answer.status && answer.status !== 503)) {
    location.replace(location.href);
    break;
  }
}
