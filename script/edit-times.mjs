// Measures how long an edit takes to reach the browser with `script/server --watch`: from saving a file until the page
// /login, open in Chromium, has reloaded. 'node script/edit-times.mjs' prints a table, and takes about 4 minutes after the
// first build. It edits files of this checkout and restores them. It refuses to start if these files have uncommitted
// changes, and stops after at most 10 minutes of measuring. It needs port 3001, on which cargo-leptos tells pages to
// reload, and the tools that 'script/bootstrap --test' installs.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROUNDS = 3;
const FIRST_BUILD = 1_800_000;
const MEASURING = 600_000;
const root = fileURLToPath(new URL("..", import.meta.url));

// Each edit changes a string, so that the compiler has real work to do.
const EDITS = [
  { name: "a page", file: "app/src/pages/login.rs", text: "This is a shared computer" },
  { name: "an island", file: "app/src/islands/fields.rs", text: "Show password" },
  { name: "a backend file", file: "backend/src/sessions/user_agent.rs", text: '"Firefox"' },
  { name: "a file of the server", file: "server/src/serve.rs", text: '"shutting down"' },
];

function fail(message) {
  console.error(`script/edit-times.mjs: ${message}`);
  process.exit(1);
}

function loadChromium() {
  try {
    return createRequire(join(root, "end2end/package.json"))("@playwright/test").chromium;
  } catch {
    return fail("Playwright is missing: run 'script/bootstrap --test' first");
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const chromium = loadChromium();
const dirty = execFileSync("git", ["status", "--porcelain", "--", ...EDITS.map(({ file }) => file)], { cwd: root });
if (dirty.length > 0) fail(`commit or stash these changes first, because the script edits the files:\n${dirty}`);
for (const { file, text } of EDITS) {
  if (!readFileSync(join(root, file), "utf8").includes(text)) fail(`${file} no longer contains ${text}: change EDITS`);
}

const folder = mkdtempSync(join(tmpdir(), "vestibule-edits-"));
const port = await freePort();
const loginPage = `http://localhost:${port}/login`;
const originals = EDITS.map(({ file }) => [join(root, file), readFileSync(join(root, file), "utf8")]);
let log = "";
let closed = false;
const child = spawn(join(root, "script/server"), ["--watch"], {
  cwd: root,
  env: {
    ...process.env,
    LEPTOS_SITE_ADDR: `127.0.0.1:${port}`,
    DATABASE_URL: `sqlite://${join(folder, "portal.db")}`,
    MAIL_DIR: join(folder, "mail"),
  },
  stdio: ["ignore", "pipe", "pipe"],
});
for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (log += data));
child.on("error", (error) => (log += error.message));
// Emitted when all processes that inherited its output have ended, including the portal.
child.on("close", () => (closed = true));

function logErrors(action) {
  try {
    action();
  } catch (error) {
    console.error(`script/edit-times.mjs: ${error.message}`);
  }
}

// Stops the server before it restores the files, so that no further build starts.
function cleanUp() {
  logErrors(() => child.kill("SIGINT"));
  for (const [path, original] of originals) logErrors(() => writeFileSync(path, original));
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    cleanUp();
    process.exit(1);
  });
}

async function waitUntil(what, deadline, condition) {
  while (!(await condition())) {
    if (closed) throw new Error("script/server --watch has ended");
    if (Date.now() > deadline) throw new Error(`timed out waiting for ${what}`);
    await sleep(25);
  }
}

const isServing = () => fetch(loginPage).then(({ ok }) => ok, () => false);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
let browser;

async function measure() {
  await waitUntil("the first build", Date.now() + FIRST_BUILD, isServing);
  const deadline = Date.now() + MEASURING;
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find(existsSync),
    args: ["--no-sandbox"],
  });
  const page = await browser.newPage();
  let loads = 0;
  page.on("load", () => (loads += 1));
  await page.goto(loginPage, { waitUntil: "load" });

  // Returns the seconds until the page has reloaded.
  async function save(path, content) {
    const before = loads;
    const start = performance.now();
    writeFileSync(path, content);
    await waitUntil(`the page after ${path} was saved`, deadline, () => loads > before);
    return (performance.now() - start) / 1000;
  }

  console.log("| edit | median | all |\n| --- | --- | --- |");
  for (const [at, { name, file, text }] of EDITS.entries()) {
    const [path, original] = originals[at];
    const times = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      await sleep(2_000); // cargo-leptos ignores changes while it starts the portal
      const edited = text.replace(/(?="?$)/, ` ${round}`);
      times.push(await save(path, original.replace(text, edited)));
      if (name === "a page") await page.getByText(edited).waitFor({ timeout: 5_000 });
    }
    console.log(`| ${name} (${file}) | ${median(times).toFixed(1)} s | ${times.map((time) => time.toFixed(1)).join(", ")} |`);
    await sleep(2_000);
    await save(path, original);
  }
}

try {
  await measure();
} catch (error) {
  console.error(`script/edit-times.mjs: ${error.message}\n${log.slice(-3000)}`);
  process.exitCode = 1;
} finally {
  cleanUp();
  await browser?.close();
  for (let waited = 0; !closed && waited < 200; waited += 1) await sleep(100);
  logErrors(() => rmSync(folder, { recursive: true, force: true }));
}
