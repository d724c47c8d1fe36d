// Has configurable-http-proxy say what it means that the hub does not answer, instead of "Service Unavailable".
//
// It asks the hub for its error pages (--error-target), and has only those two words for the time in which that
// fails; together with --error-path it refuses to start (version 5; a change is proposed in its pull request 646,
// with which this may go). To be loaded before it: NODE_OPTIONS=--import=/PATH/TO/services/proxy/away.mjs
// Where anything here fails the proxy says so once, and is as it would be without.

import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const PROGRAM = "configurable-http-proxy";
const RETRY_SECONDS = 10;

/** Read a page, with the rules for browsers that let in its own script and style alone. */
function page(name) {
  const body = readFileSync(fileURLToPath(new URL(name, import.meta.url)));
  const own = (tag) => {
    const found = body.toString().match(new RegExp(`<${tag}>([^]*?)</${tag}>`));
    return `'sha256-${createHash("sha256").update(found[1]).digest("base64")}'`;
  };
  const policy = `default-src 'none'; script-src ${own("script")}; style-src ${own("style")}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'`;
  return { body, type: "text/html; charset=utf-8", headers: { "Content-Security-Policy": policy } };
}

function load() {
  const words = readFileSync(fileURLToPath(new URL("away.json", import.meta.url)));
  return {
    away: page("away.html"),
    sent: page("sent.html"),
    words: { body: words, type: "application/json; charset=utf-8", headers: {} },
  };
}

/** Choose what to say: a page to who opens one, a page that repeats nothing to who sent a form, else JSON. */
function choose(answers, { method, headers }) {
  if (!String(headers.accept || "").includes("text/html")) return answers.words;
  return method === "GET" || method === "HEAD" ? answers.away : answers.sent;
}

/** Answer 503 whatever the proxy's own code: without the hub nobody knows what there is, and what is not. */
function say({ body, type, headers }, res) {
  res.writeHead(503, {
    ...headers,
    "Content-Type": type,
    "Content-Length": body.length,
    "Cache-Control": "no-store",
    "Retry-After": RETRY_SECONDS,
    "Hub-Away": "yes",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
  });
  res.end(body);
}

/** Take the place of one of the proxy's own methods. */
function replace(proxy, name, made) {
  const own = proxy[name];
  if (typeof own !== "function") throw new Error(`this version has no ${name}`);
  proxy[name] = made(own);
}

async function teach(program) {
  const answers = load();
  const library = join(dirname(realpathSync(program)), "..", "lib", "configproxy.js");
  const proxy = (await import(pathToFileURL(library))).ConfigurableProxy.prototype;
  // With TLS inside, a proxy that asks for an error page leaves out its certificates: the hub that refuses it is not away.
  replace(
    proxy,
    "proxyOptsForTarget",
    (own) =>
      function (target, url) {
        const options = own.call(this, target, url);
        const { key, cert, ca } = options.target;
        const forPage = key && this.errorTarget && target.href.startsWith(this.errorTarget);
        return forPage ? { ...options, key, cert, ca } : options;
      },
  );
  replace(
    proxy,
    "_handleProxyErrorDefault",
    (own) =>
      function (code, kind, req, res) {
        const free = kind === "web" && res?.writeHead && !res.headersSent && !res.writableEnded;
        if (free) say(choose(answers, req), res);
        else own.call(this, code, kind, req, res);
      },
  );
}

if (basename(process.argv[1] || "") === PROGRAM) {
  try {
    await teach(process.argv[1]);
  } catch (error) {
    console.error(`${PROGRAM}: while the hub is away there will be no page that says so: ${error.message}`);
  }
}
