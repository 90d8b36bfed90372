// Checks the links of the documents. It reads the files of this checkout, and builds nothing. It fails if
// - a relative link or image in README.md, CONTRIBUTING.md, SECURITY.md, CHANGELOG.md, migration/README.md or docs/ leads to
//   a file or a heading that does not exist
// - docs/SUMMARY.md does not list every page of docs/ exactly once, or lists anything else
// - another file (a source, a script, a setting) names a page or folder of docs/ that does not exist
// Each of these checks has samples with known results, which are checked at each start.
import { posix } from "node:path";

import { files, isFile, isFolder, read } from "./lib.mjs";

const SUMMARY = "docs/SUMMARY.md";
const DOCUMENT = /^(?:README|CONTRIBUTING|SECURITY|CHANGELOG)\.md$|^migration\/README\.md$|^docs\/.*\.md$/;
// These scripts have samples. A change of script/tools makes every checkout build cargo-leptos again.
const UNCHECKED = /^script\/(?:links\.mjs|words[\w-]*\.mjs|tools\/.*)$|\.(?:png|woff2|lock)$|package-lock\.json$/;

const isPage = (path) => path.startsWith("docs/") && path.endsWith(".md") && path !== SUMMARY;

// ---- Markdown

const FENCE = /^( *)(```+|~~~+)[\s\S]*?^ *\2.*$/gm;
const keepLines = (text) => text.replace(/[^\n]/g, "");

// All links of a text: [text](target), ![image](target), [label]: target, and HTML attributes.
function* links(text) {
  const inline = /\]\(\s*<?([^()\s<>]+(?:\([^()\s]*\)[^()\s<>]*)?)>?(?:\s+"[^"]*")?\s*\)/;
  const reference = /^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?/;
  const attribute = /\b(?:href|src|srcset)="([^",\s]+)[^"]*"/;
  const prose = text.replace(FENCE, keepLines).replace(/<!--[\s\S]*?-->|`[^`\n]+`/g, keepLines);
  for (const match of prose.matchAll(new RegExp([inline, reference, attribute].map(({ source }) => source).join("|"), "gm"))) {
    const line = prose.slice(0, match.index).split("\n").length;
    yield { line, target: match[1] ?? match[2] ?? match[3] };
  }
}

// The anchors of a text: GitHub's id of each heading, and the ids of HTML elements.
function anchors(text) {
  const prose = text.replace(FENCE, keepLines);
  const found = new Set([...prose.matchAll(/\b(?:id|name)="([^"]+)"/g)].map(([, id]) => id));
  const counts = new Map();
  for (const [, heading] of prose.matchAll(/^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$/gm)) {
    const words = heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/<[^>]*>/g, "");
    const id = words
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
      .replaceAll(" ", "-");
    const count = counts.get(id) ?? 0;
    counts.set(id, count + 1);
    found.add(count === 0 ? id : `${id}-${count}`);
  }
  return found;
}

// ---- Checks. 'read' returns the content of a path, or undefined if there is no such file.

function* linkProblems(path, { read, isFolder }) {
  for (const { line, target } of links(read(path))) {
    if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(target)) continue;
    const [file, anchor] = target.split("#").map(decodeURIComponent);
    const to = file === "" ? path : posix.join(posix.dirname(path), file).replace(/\/$/, "");
    const content = read(to);
    if (file.startsWith("/")) {
      yield `${path}:${line}: ${target} is not a relative link`;
    } else if (content === undefined && (anchor !== undefined || !isFolder(to))) {
      yield `${path}:${line}: ${target} leads to ${to}, which does not exist`;
    } else if (anchor !== undefined && to.endsWith(".md") && !anchors(content).has(anchor)) {
      yield `${path}:${line}: ${target} leads to a heading that ${to} does not have`;
    }
  }
}

function* summaryProblems(summary, pages) {
  const lines = new Map();
  for (const { line, target } of links(summary)) {
    const path = posix.join("docs", target);
    if (!pages.includes(path)) yield `${SUMMARY}:${line}: ${target} is not a page of docs/`;
    else if (lines.has(path)) yield `${SUMMARY}:${line}: ${target} is listed twice, first in line ${lines.get(path)}`;
    else lines.set(path, line);
  }
  for (const path of pages) if (!lines.has(path)) yield `${path} is not listed in ${SUMMARY}`;
}

function* mentionProblems(path, { read, isFolder }) {
  for (const [index, line] of read(path).split("\n").entries()) {
    for (const [mention] of line.matchAll(/(?<![\w./-])docs\/[\w/.-]*\w/g)) {
      const exists = read(mention) !== undefined || isFolder(mention);
      if (!exists) yield `${path}:${index + 1}: names ${mention}, which does not exist`;
    }
  }
}

// ---- Samples

const SAMPLES = {
  "README.md": [
    '[a](docs/a.md#the-a-b) ![x](docs/x.png) [b](docs/a.md#the-a--b) <img src="docs/none.png">',
    "`[c](none.md)` [j](docs/) [k](docs/a.md#same-1)",
    "```",
    "[d](none.md)",
    "```",
    "[e](docs/a.md#none)",
    "[f]: none.md",
    "[g](https://x.org/none) [h](/docs/a.md) [i](#self)",
    "# Self",
  ].join("\n"),
  "docs/a.md": [
    '# The A & "b"?',
    "## The `A`: b",
    "## Same",
    "## Same",
    '<a id="own"></a> [b](b/c.md) [up](../README.md#self) [own](#own)',
    "[no](../../x.md)",
  ].join("\n"),
  "docs/b/c.md": "text",
  "docs/x.png": "",
  "x.rs": '// docs/a.md, docs/b/\n"see docs/none.md." `x/docs/y.md` https://x.org/docs/z',
};

function* sampleProblems() {
  const samples = {
    read: (path) => SAMPLES[path],
    isFolder: (path) => Object.keys(SAMPLES).some((name) => name.startsWith(`${path}/`)),
  };
  const pages = Object.keys(SAMPLES).filter(isPage);
  const found = [
    ...linkProblems("README.md", samples),
    ...linkProblems("docs/a.md", samples),
    ...mentionProblems("x.rs", samples),
    ...summaryProblems("# Summary\n- [A](a.md)\n  - [C](./b/c.md)", pages),
    ...summaryProblems("- [A](a.md)\n- [A](a.md)\n- [X](x.png)", pages),
  ];
  const expected = [
    "README.md:1: docs/none.png leads to docs/none.png, which does not exist",
    "README.md:6: docs/a.md#none leads to a heading that docs/a.md does not have",
    "README.md:7: none.md leads to none.md, which does not exist",
    "README.md:8: /docs/a.md is not a relative link",
    "docs/a.md:6: ../../x.md leads to ../x.md, which does not exist",
    "x.rs:2: names docs/none.md, which does not exist",
    `${SUMMARY}:2: a.md is listed twice, first in line 1`,
    `${SUMMARY}:3: x.png is not a page of docs/`,
    `docs/b/c.md is not listed in ${SUMMARY}`,
  ];
  for (const line of found) if (!expected.includes(line)) yield `the samples must not give: ${line}`;
  for (const line of expected) if (!found.includes(line)) yield `the samples must give: ${line}`;
}

// ---- Command line

const contents = new Map();
const checkout = {
  read(path) {
    if (!contents.has(path)) contents.set(path, !path.startsWith("..") && isFile(path) ? read(path) : undefined);
    return contents.get(path);
  },
  isFolder: (path) => !path.startsWith("..") && isFolder(path),
};

const paths = files();
const documents = paths.filter((path) => DOCUMENT.test(path));
const sources = paths.filter((path) => !DOCUMENT.test(path) && !UNCHECKED.test(path));
const problems = [
  ...sampleProblems(),
  ...documents.flatMap((path) => [...linkProblems(path, checkout)]),
  ...(documents.includes(SUMMARY) ? summaryProblems(read(SUMMARY), documents.filter(isPage)) : [`${SUMMARY} does not exist`]),
  ...sources.flatMap((path) => [...mentionProblems(path, checkout)]),
];
for (const problem of problems) console.log(problem);
console.log(
  `${documents.length} documents checked, ${problems.length} ${problems.length === 1 ? "problem" : "problems"} with links.`,
);
process.exit(problems.length === 0 ? 0 : 1);
