// Measures the pages of a running site in a browser: Lighthouse, axe, the hosts of all requests, and sizes. The
// arguments are the browser's program, the site's address, and the paths of the pages. "+" before a path: Lighthouse
// measures the page, too; "!": there is no such page, so that it is that of an error. Prints each figure, and what is
// wrong; exits with 1 if anything is.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import lighthouse from "lighthouse";
import puppeteer from "puppeteer-core";

// The least score of each category of Lighthouse, out of 100.
const LEAST = 95;
const CATEGORIES = ["performance", "accessibility", "best-practices", "seo"];
// Performance is measured in time, which a busy machine distorts: the median of so many runs counts.
const RUNS = 3;
// The most bytes of a page without its pictures, and of all of its scripts, before compression.
const PAGE_BYTES = 100_000;
const SCRIPT_BYTES = 15_000;
// The types of resources whose bytes count, as the DevTools protocol names them.
const COUNTED = ["document", "stylesheet", "script"];
const SIZES = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };
const SCHEMES = ["light", "dark"];

const [program, site, ...pages] = process.argv.slice(2);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
const browser = await puppeteer.launch({ executablePath: program, headless: true, args });
const total = { checks: 0, failures: 0 };

function check(passed, text) {
  total.checks += 1;
  total.failures += passed ? 0 : 1;
  console.log(`${passed ? "ok  " : "FAIL"} ${text}`);
}

// Opens a page in a new tab; returns it with what it loaded.
async function open(path, size, scheme) {
  const tab = await browser.newPage();
  const loaded = { foreign: [], bytes: {}, failed: [] };
  const bodies = [];
  tab.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== "data:" && origin !== site) loaded.foreign.push(request.url());
  });
  tab.on("requestfailed", (request) => {
    // A stream of changes ends with its page.
    if (request.resourceType() !== "eventsource") loaded.failed.push(request.url());
  });
  tab.on("response", (response) => {
    const type = response.request().resourceType();
    if (COUNTED.includes(type)) {
      bodies.push(response.buffer().then((body) => (loaded.bytes[type] = (loaded.bytes[type] ?? 0) + body.length)));
    }
    if (response.status() >= 400 && type !== "document") loaded.failed.push(response.url());
  });
  await tab.setCacheEnabled(false);
  await tab.setViewport(size);
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  const response = await tab.goto(site + path, { waitUntil: "load" });
  await Promise.all(bodies);
  return { tab, loaded, status: response.status() };
}

// Returns the serious and critical violations on a page, with all that is folded unfolded.
async function violations(tab) {
  await tab.evaluate(() => document.querySelectorAll("details").forEach((part) => (part.open = true)));
  await tab.evaluate(axe);
  const found = await tab.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  return found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
}

async function score(path) {
  const tab = await browser.newPage();
  const flags = { onlyCategories: CATEGORIES, logLevel: "error", output: "json" };
  const { lhr } = await lighthouse(site + path, flags, undefined, tab);
  await tab.close();
  if (lhr.runtimeError) throw new Error(`${path}: ${lhr.runtimeError.message}`);
  return lhr;
}

const percent = (run, category) => Math.round(run.categories[category].score * 100);
const median = (values) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)];

// Measures a page until each category has enough, at most RUNS times.
async function measure(path) {
  const runs = [];
  const hasEnough = () => CATEGORIES.every((category) => percent(runs.at(-1), category) >= LEAST);
  do runs.push(await score(path));
  while (runs.length < RUNS && (runs.length > 1 || !hasEnough()));
  for (const category of CATEGORIES) {
    const scores = runs.map((run) => percent(run, category));
    const result = median([...scores]);
    check(result >= LEAST, `${path} lighthouse ${category} ${result} of ${scores.join(", ")}`);
    if (result >= LEAST) continue;
    for (const { id, weight } of runs[0].categories[category].auditRefs) {
      const audit = runs[0].audits[id];
      if (weight > 0 && audit.score !== null && audit.score < 1) {
        console.log(`       ${id} ${audit.score} ${audit.displayValue ?? ""} ${audit.title}`);
      }
    }
  }
}

try {
  for (const given of pages) {
    const path = given.replace(/^[+!]/, "");
    for (const [name, size] of Object.entries(SIZES)) {
      for (const scheme of SCHEMES) {
        const { tab, loaded, status } = await open(path, size, scheme);
        const found = await violations(tab);
        const expected = given.startsWith("!") ? 404 : 200;
        check(status === expected, `${path} ${name} ${scheme} status ${status}`);
        check(found.length === 0, `${path} ${name} ${scheme} axe serious or critical ${found.length}`);
        for (const { id, impact, help, nodes } of found) {
          console.log(`       ${impact} ${id} ${help}`);
          for (const { target, html } of nodes.slice(0, 3)) {
            console.log(`         ${target.join(" ")} ${html.slice(0, 160)}`);
          }
        }
        const { foreign, failed, bytes } = loaded;
        check(foreign.length === 0, `${path} ${name} ${scheme} requests to other hosts ${foreign.join(" ") || 0}`);
        check(failed.length === 0, `${path} ${name} ${scheme} failed requests ${failed.join(" ") || 0}`);
        if (name === "wide" && scheme === "light") {
          const { document = 0, stylesheet = 0, script = 0 } = bytes;
          const all = document + stylesheet + script;
          check(all < PAGE_BYTES, `${path} bytes ${all}: ${document} HTML, ${stylesheet} CSS, ${script} scripts`);
          check(script < SCRIPT_BYTES, `${path} bytes of scripts ${script}`);
        }
        await tab.close();
      }
    }
    if (given.startsWith("+")) await measure(path);
  }
} finally {
  await browser.close();
}
console.log(`${pages.length} pages: ${total.checks - total.failures} checks passed, ${total.failures} failed`);
process.exitCode = total.failures > 0 || total.checks === 0 ? 1 : 0;
