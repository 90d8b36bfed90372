// Prints the times of a script/test run as Markdown tables. 'node script/timings.mjs FOLDER' reads the files that the
// run wrote to that folder: parts.tsv (name, seconds), *.xml (nextest's JUnit reports) and browser.json
// (see end2end/support/timings.ts).
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const SLOWEST = 20;
const [folder] = process.argv.slice(2);

const seconds = (value) => (value < 9.95 ? `${value.toFixed(1)} s` : value < 59.5 ? `${Math.round(value)} s` : minutes(Math.round(value)));
const minutes = (value) => `${Math.floor(value / 60)} min ${value % 60} s`;

function table(title, head, rows) {
  if (rows.length === 0) return;
  const cells = [head, ...rows].map((row) => row.map((cell) => String(cell).replaceAll("|", "\\|")));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  console.log(`\n### ${title}\n`);
  const [first, ...rest] = cells;
  for (const row of [first, widths.map((width) => "-".repeat(width)), ...rest]) console.log(line(row));
}

// ---- Parts

const parts = readFileSync(join(folder, "parts.tsv"), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => line.split("\t"))
  .map(([name, time]) => [name, Number(time)]);
const total = parts.reduce((sum, [, time]) => sum + time, 0);
table("Parts", ["part", "time"], [...parts.map(([name, time]) => [name, seconds(time)]), ["total", seconds(total)]]);

// ---- Tests

const unescape = (text) =>
  text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => ({ lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" })[name]);

function rustTests() {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".xml"))
    .flatMap((file) => {
      const found = readFileSync(join(folder, file), "utf8").matchAll(/<testcase name="([^"]*)" classname="([^"]*)"[^>]*? time="([^"]*)"/g);
      return [...found].map(([, name, where, time]) => ({ name: unescape(name), where: `${where}, ${file.slice(0, -4)}`, s: Number(time) }));
    });
}

const browser = existsSync(join(folder, "browser.json"))
  ? JSON.parse(readFileSync(join(folder, "browser.json"), "utf8"))
  : { tests: [], starts: {}, steps: {} };
const browserTests = browser.tests.map(({ name, file, project, ms }) => ({ name, where: `${file}, ${project}`, s: ms / 1000 }));
const tests = [...rustTests(), ...browserTests].sort((a, b) => b.s - a.s);
table(`The ${SLOWEST} slowest tests of ${tests.length}`, ["test", "where", "time"], tests.slice(0, SLOWEST).map(({ name, where, s }) => [name, where, seconds(s)]));

// ---- Browser tests in detail

function grouped(key) {
  const groups = new Map();
  for (const test of browser.tests) {
    const group = groups.get(key(test)) ?? { count: 0, ms: 0 };
    groups.set(key(test), { count: group.count + 1, ms: group.ms + test.ms });
  }
  return [...groups];
}

function printTotals(title, what, entries, most = Infinity) {
  const rows = entries.sort(([, a], [, b]) => b.ms - a.ms).slice(0, most);
  table(title, [what, "number", "total", "each"], rows.map(([name, { count, ms }]) => [name, count, seconds(ms / 1000), `${Math.round(ms / count)} ms`]));
}

printTotals("Browser tests by project", "project", grouped((test) => test.project));
printTotals("Browser tests by file", "file", grouped((test) => test.file));
printTotals("Portals, databases and browsers started", "started", Object.entries(browser.starts));
printTotals("Steps with the longest total time", "step", Object.entries(browser.steps), 25);
