// Keeps the place in the address, and follows the link by itself where the site wants that.

import "./page.js";

const start = document.getElementById("start");
start.href += location.hash;
if (start.dataset.followAfter) {
  setTimeout(() => location.assign(start.href), 1000 * Number(start.dataset.followAfter));
}
