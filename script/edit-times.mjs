// Measures how long an edit takes to reach the browser with `script/server --watch`: from saving a file until the portal
// answers again, built from it. 'node script/edit-times.mjs' edits files of this checkout, in which nothing may be
// uncommitted there, and puts them back. It ends by itself after at most ten minutes.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROUNDS = 3;
const MOST = 600_000;
const root = fileURLToPath(new URL("..", import.meta.url));

// Each edit changes a text that the compiler has to translate anew.
const EDITS = [
  { what: "a page", file: "app/src/pages/login.rs", text: "This is a shared computer" },
  { what: "an island", file: "app/src/islands/fields.rs", text: "Show password" },
  { what: "a backend file", file: "app/src/backend/user_agent.rs", text: "Firefox" },
  { what: "a file of the server", file: "server/src/serve.rs", text: "stopping" },
  { what: "the stylesheet", file: "style/main.css", text: "Vestibule" },
];

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const deadline = Date.now() + MOST;
async function until(what, ask) {
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(25);
  }
}

const dirty = execFileSync("git", ["status", "--porcelain", "--", ...EDITS.map(({ file }) => file)], { cwd: root });
if (dirty.length > 0) {
  console.error(`script/edit-times.mjs: commit these first, since they are going to be edited:\n${dirty}`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "vestibule-edits-"));
const [port, reload] = [await freePort(), await freePort()];
const originals = new Map(EDITS.map(({ file }) => [file, readFileSync(join(root, file), "utf8")]));
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
  detached: true,
});
let log = "";
for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (log += data));
let ended = false;
child.on("exit", () => (ended = true));

const running = () => log.split(/Vestibule \S+ is at /).length - 1;
const answers = () => fetch(`http://127.0.0.1:${port}/login`).then(({ ok }) => ok, () => false);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

try {
  await until("the first build", async () => {
    if (ended) throw new Error("script/server --watch has ended");
    return running() > 0 && (await answers());
  });
  console.log("| edit | median | all |\n| --- | --- | --- |");
  for (const { what, file, text } of EDITS) {
    const original = originals.get(file);
    if (!original.includes(text)) throw new Error(`${file} does not contain "${text}"`);
    const times = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      await sleep(2_000); // what was started by the last edit has come to rest
      const before = running();
      const style = file.endsWith(".css");
      const from = log.length;
      const began = performance.now();
      writeFileSync(join(root, file), original.replace(text, `${text} ${round}`));
      // A stylesheet is put in place without a restart.
      if (style) await until("the stylesheet", async () => /style|Tailwind/i.test(log.slice(from)) && /updated|reload/i.test(log.slice(from)));
      else await until(`the portal with ${file}`, async () => running() > before && (await answers()));
      times.push((performance.now() - began) / 1000);
    }
    console.log(`| ${what} (${file}) | ${median(times).toFixed(1)} s | ${times.map((time) => time.toFixed(1)).join(", ")} |`);
    const before = running();
    writeFileSync(join(root, file), original);
    if (!file.endsWith(".css")) await until("the original", async () => running() > before && (await answers()));
  }
} catch (error) {
  console.error(`script/edit-times.mjs: ${error.message}\n${log.slice(-3000)}`);
  process.exitCode = 1;
} finally {
  for (const [file, original] of originals) {
    if (readFileSync(join(root, file), "utf8") !== original) writeFileSync(join(root, file), original);
  }
  // The whole group: cargo-leptos, cargo, and the portal.
  if (!ended) process.kill(-child.pid, "SIGTERM");
  for (let waited = 0; !ended && waited < 100; waited += 1) await sleep(100);
  if (!ended) process.kill(-child.pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
