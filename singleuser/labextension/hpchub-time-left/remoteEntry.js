/* What Notebook's and Lab's loader takes for a prebuilt extension: a "container" as webpack's module federation
 * makes them, by hand, because there is nothing to build. The loader calls init() with the modules that all
 * extensions share, then get().
 *
 * The front end waits for this file, so it holds only what must be there at once; the rest is fetched later. It
 * is not in a folder called "static", whose files browsers would keep for a year.
 */
(() => {
  "use strict";
  const NAME = "hpchub-time-left";
  const here = document.currentScript.src;
  let shared = {};

  const options = () => JSON.parse(document.getElementById("jupyter-config-data")?.textContent || "{}");

  const plugin = {
    id: `${NAME}:plugin`,
    description: "Shows how long the job still runs, and warns before its end.",
    autoStart: true,
    activate: (app) => {
      const { hpchubTimeLeft: interval, baseUrl } = options();
      if (!Number(interval)) {
        return; // the server does not offer it, or the site has switched it off
      }
      // Nothing waits for this, and when it fails, nothing is missing but the time.
      app.restored
        .then(() => import(new URL("main.js", here)))
        .then((main) => main.start(app, shared, `${baseUrl}hpchub/time`, Number(interval)))
        .catch((error) => console.debug(`${NAME}:`, error));
    },
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: (scope) => {
      shared = scope;
    },
    get: () => Promise.resolve(() => ({ __esModule: true, default: plugin })),
  };
})();
