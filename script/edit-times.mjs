// Measures how long an edit takes to reach the browser with `script/server --watch`: from saving a file until the rebuilt
// portal answers. 'node script/edit-times.mjs' edits files of this checkout and restores them. It refuses to start if
// these files have uncommitted changes, and stops after at most 10 minutes of measuring.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  { name: "a backend file", file: "app/src/backend/user_agent.rs", text: '"Firefox"' },
  { name: "a file of the server", file: "server/src/serve.rs", text: '"stopping"' },
];

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

let deadline = Date.now() + FIRST_BUILD;
async function until(what, ask) {
  while (!(await ask())) {
    if (closed) throw new Error("script/server --watch has ended");
    if (Date.now() > deadline) throw new Error(`timed out waiting for ${what}`);
    await sleep(25);
  }
}

const dirty = execFileSync("git", ["status", "--porcelain", "--", ...EDITS.map(({ file }) => file)], { cwd: root });
if (dirty.length > 0) {
  console.error(`script/edit-times.mjs: commit or stash these changes first, because the script edits the files:\n${dirty}`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "vestibule-edits-"));
const [port, reload] = [await freePort(), await freePort()];
const originals = EDITS.map(({ file }) => [join(root, file), readFileSync(join(root, file), "utf8")]);
let log = "";
let closed = false;
const child = spawn(join(root, "script/server"), ["--watch"], {
  cwd: root,
  env: {
    ...process.env,
    LEPTOS_SITE_ADDR: `127.0.0.1:${port}`,
    LEPTOS_RELOAD_PORT: String(reload),
    DATABASE_URL: `sqlite://${join(folder, "portal.db")}`,
    MAIL_DIR: join(folder, "mail"),
  },
  stdio: ["ignore", "pipe", "pipe"],
});
for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (log += data));
child.on("error", (error) => (log += error.message));
// When every process that inherited its output has ended, the portal among them.
child.on("close", () => (closed = true));

function tolerate(action) {
  try {
    action();
  } catch (error) {
    console.error(`script/edit-times.mjs: ${error.message}`);
  }
}

// Ends the server before it restores the files, so that no further build starts.
function cleanUp() {
  tolerate(() => child.kill("SIGINT"));
  for (const [path, original] of originals) tolerate(() => writeFileSync(path, original));
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    cleanUp();
    process.exit(1);
  });
}

const starts = () => log.split(/Vestibule \S+ is at /).length - 1;
const answers = () => fetch(`http://127.0.0.1:${port}/login`).then(({ ok }) => ok, () => false);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

async function save(path, content) {
  const before = starts();
  const began = performance.now();
  writeFileSync(path, content);
  await until(`the portal with ${path}`, async () => starts() > before && (await answers()));
  return (performance.now() - began) / 1000;
}

try {
  await until("the first build", async () => starts() > 0 && (await answers()));
  deadline = Date.now() + MEASURING;
  console.log("| edit | median | all |\n| --- | --- | --- |");
  for (const [at, { name, file, text }] of EDITS.entries()) {
    const [path, original] = originals[at];
    if (!original.includes(text)) throw new Error(`${file} does not contain ${text}`);
    const times = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      await sleep(2_000); // let the previous rebuild finish
      times.push(await save(path, original.replace(text, text.replace(/(?=.$)/, ` ${round}`))));
    }
    console.log(`| ${name} (${file}) | ${median(times).toFixed(1)} s | ${times.map((time) => time.toFixed(1)).join(", ")} |`);
    await sleep(2_000);
    await save(path, original);
  }
} catch (error) {
  console.error(`script/edit-times.mjs: ${error.message}\n${log.slice(-3000)}`);
  process.exitCode = 1;
} finally {
  cleanUp();
  for (let waited = 0; !closed && waited < 200; waited += 1) await sleep(100);
  tolerate(() => rmSync(folder, { recursive: true, force: true }));
}
