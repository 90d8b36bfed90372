// Measures the brotli-compressed size of everything that a browser downloads, and exits with 1 if a limit is exceeded:
// - all WebAssembly and JavaScript of the site: at most 160 kB
// - all downloads of a first visit of /login, including the page: at most 260 kB
// 'node script/sizes.mjs PROGRAM SITE' starts the program on a free port in a temporary folder, and stops it.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";

const CODE_LIMIT = 160_000;
const VISIT_LIMIT = 260_000;
const [program, site] = process.argv.slice(2);

const brotli = (data) =>
  brotliCompressSync(data, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length },
  }).length;
const kB = (bytes) => `${(bytes / 1000).toFixed(1).padStart(7)} kB`;

let overLimit = false;
function printTotal(what, bytes, limit) {
  const fits = bytes <= limit;
  overLimit ||= !fits;
  console.log(`${kB(bytes)}  ${what} (at most ${limit / 1000} kB)${fits ? "" : "  OVER THE LIMIT"}\n`);
}

// ---- All code of the site

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

function measureCode() {
  console.log("WebAssembly and its JavaScript, brotli:");
  let sum = 0;
  for (const path of files(join(site, "pkg"))) {
    if (!/\.(wasm|js)$/.test(path)) continue;
    const compressed = statSync(`${path}.br`, { throwIfNoEntry: false });
    const size = compressed ? compressed.size : brotli(readFileSync(path));
    sum += size;
    console.log(`${kB(size)}  ${relative(site, path)}`);
  }
  if (sum === 0) throw new Error(`no WebAssembly under ${site}/pkg`);
  printTotal("total", sum, CODE_LIMIT);
}

// ---- A first visit of /login

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// Requests a URL as a browser that accepts brotli. The size is that of the body as sent, or as brotli would compress it.
function get(url) {
  return new Promise((resolve, reject) => {
    http
      .get(url, { headers: { "accept-encoding": "br" }, agent: false }, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const sent = Buffer.concat(chunks);
          const packed = response.headers["content-encoding"] === "br";
          resolve({
            status: response.statusCode,
            type: response.headers["content-type"] ?? "",
            body: packed ? brotliDecompressSync(sent) : sent,
            size: packed ? sent.length : Math.min(sent.length, brotli(sent)),
            note: packed ? "" : "  (not sent compressed)",
          });
        });
      })
      .on("error", reject)
      .setTimeout(10_000, function () {
        this.destroy(new Error(`${url} did not respond within 10 seconds`));
      });
  });
}

const attribute = (tag, name) => {
  const found = tag.match(new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, "i"));
  const value = found?.[1] ?? found?.[2] ?? found?.[3];
  return value?.replaceAll("&amp;", "&");
};

// Yields the URLs that a page, a stylesheet or a module makes the browser load immediately.
function* references(type, text) {
  if (type.startsWith("text/html")) {
    for (const [tag, name] of text.matchAll(/<(link|script|img|source)\b[^>]*>/gi)) {
      const rel = (attribute(tag, "rel") ?? "").toLowerCase().split(/\s+/);
      const wanted = ["stylesheet", "preload", "modulepreload", "icon", "manifest"].some((kind) => rel.includes(kind));
      const target = name.toLowerCase() === "link" ? wanted && attribute(tag, "href") : attribute(tag, "src");
      if (target) yield target;
    }
  } else if (type.startsWith("text/css")) {
    for (const [, , target] of text.matchAll(/(?:url\(|@import)\s*(["']?)([^"')\s]+)\1/g)) yield target;
  } else if (type.includes("javascript")) {
    for (const [, target] of text.matchAll(/(?:from|import)\s*["'](\.{0,2}\/[^"']+)["']/g)) yield target;
  }
}

async function measureVisit(origin) {
  console.log("A first visit of /login, brotli:");
  const queue = [`${origin}/login`];
  const seen = new Set(queue);
  let sum = 0;
  for (const url of queue) {
    const response = await get(url);
    const path = url.slice(origin.length);
    if (response.status !== 200) throw new Error(`${path} returned ${response.status}`);
    sum += response.size;
    console.log(`${kB(response.size)}  ${path}${response.note}`);
    for (const target of references(response.type, response.body.toString("utf8"))) {
      const next = new URL(target, url);
      next.hash = "";
      if (next.origin === origin && !seen.has(next.href)) {
        seen.add(next.href);
        queue.push(next.href);
      }
    }
  }
  printTotal("total", sum, VISIT_LIMIT);
}

async function withProgram(use) {
  const folder = mkdtempSync(join(tmpdir(), "vestibule-sizes-"));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  let log = "";
  const { PATH, HOME } = process.env;
  const child = spawn(program, ["serve"], {
    cwd: folder,
    env: { PATH, HOME, LEPTOS_ENV: "DEV", LEPTOS_SITE_ADDR: `127.0.0.1:${port}`, LEPTOS_SITE_ROOT: site },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.on("data", (data) => (log += data));
  child.stderr.on("data", (data) => (log += data));
  const ended = new Promise((resolve) => {
    child.once("exit", resolve);
    child.once("error", (error) => {
      log += error.message;
      resolve();
    });
  });
  let exited = false;
  ended.then(() => (exited = true));
  try {
    const deadline = Date.now() + 30_000;
    while (!(await get(`${origin}/healthz`).then(({ status }) => status === 200, () => false))) {
      if (exited || Date.now() > deadline) throw new Error(`the program does not serve ${origin}:\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await use(origin);
  } finally {
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(kill);
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  measureCode();
  await withProgram(measureVisit);
} catch (error) {
  console.error(`script/build: could not measure: ${error.message}`);
  process.exit(1);
}
if (overLimit) console.error("script/build: the downloads exceed a size limit");
process.exitCode = overLimit ? 1 : 0;
