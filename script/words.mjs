// Checks the words of everything that people read against docs/contribute/words.md: texts of pages, emails and the command
// line, log messages, documents, and comments. It reads the files of this checkout, and builds nothing.
//
//   node script/words.mjs                  every file; exits with 1 if a text breaks a rule
//   node script/words.mjs app docs/x.md    only files in these folders, or these files
//   node script/words.mjs --count          only the number of hits of each rule
//
// - A hit names the file, the line, the words, and what to write instead.
// - Code is ignored: words in backticks, code blocks, paths, URLs, names with underscores, and strings that are no words.
// - Each rule has samples that it must find and samples that it must not find. They are checked at each start.
import { files, read } from "./lib.mjs";
import { RULES } from "./words-rules.mjs";
import { joined, textsOf } from "./words-texts.mjs";

// Texts that break a rule for a good reason. A better rule is better than an exception.
const EXCEPTIONS = [
  { file: /^docs\/contribute\/words\.md$/, reason: "lists the words to avoid" },
  { file: /^script\/words(?:-rules)?\.mjs$/, kind: "operator", reason: "has the samples of the rules" },
  { file: /^backend\/src\/auth\/password\/argon2\.rs$/, text: "nobody's salt 16", reason: "the bytes of a salt" },
  {
    file: /^script\/tools\//,
    kind: "comment",
    reason: "any change there makes every checkout build cargo-leptos again (5 minutes)",
  },
];

// Blanks out code, so that offsets stay: words in backticks, URLs, paths, placeholders, and names with an underscore.
const blank = (text, pattern) => text.replace(pattern, (found) => "□".repeat(found.length));
const withoutCode = (text) =>
  [
    /``[^`]+``|`[^`]*`/g,
    /\bhttps?:\/\/[^\s)>"]+/g,
    /\{\{.*?\}\}|\$?\{[^{}]*\}|\$\w+/g,
    /(?<![\w□])(?:\.{0,2}\/)?[\w.@-]+\/[\w./@*-]+|(?<![\w<])\/[\w./*-]+/g,
    /\b\w+_\w+\b|\b\w+::[\w:]+/g,
    /\b[\w.+-]+@[\w.-]+\b/g,
  ].reduce(blank, text);

function* hitsIn(text) {
  const plain = withoutCode(text.text);
  for (const rule of RULES) {
    if (!rule.kinds.includes(text.kind) || rule.only?.({ ...text, text: plain }) === false) continue;
    for (const match of rule.find?.(plain, text) ?? plain.matchAll(rule.pattern))
      yield { rule, index: match.index, found: match[0] };
  }
}

const isException = (path, { kind, text }) =>
  EXCEPTIONS.some((entry) => entry.file.test(path) && (entry.kind ?? kind) === kind && text.includes(entry.text ?? ""));

function* samples() {
  for (const { name, kinds, bad, good } of RULES) {
    const sample = (text) => joined([{ line: 1, text }], { kind: kinds[0], docStart: true });
    const found = (text) => [...hitsIn(sample(text))].some(({ rule }) => rule.name === name);
    for (const text of bad) if (!found(text)) yield `the rule "${name}" does not find: ${text}`;
    for (const text of good) if (found(text)) yield `the rule "${name}" must not find: ${text}`;
  }
  const files = [
    [
      "app/src/x.rs",
      '//! A desk.\nfn f<\'a>() { let c = \'"\'; g("btn", view! { <p class="desk">"The desk; go\\\n  on"</p> }) }',
      "1 desk|2 desk|2 semicolon|2 go on",
    ],
    [
      "server/src/x.rs",
      '/// Whose.\n/// Nobody\n/// goes\n/// on.\nconst A: &str = r#"at once"#; // `anew` anew',
      "1 question word in a doc comment|2 -body|3 go on|5 at once|5 anew",
    ],
    [
      "docs/x.md",
      "# The desk\n\n```\nanew\n```\n\nIt goes\non, `anew`.\n\n| desk | x |\n| --- | --- |\n",
      "1 desk|7 go on|10 desk",
    ],
    [
      "docs/y.md",
      "# What it does\n\n[What it is](x.md), *What it is*\n\n| What it is |\n| --- |\n| What it was |\n",
      "7 headless who/what",
    ],
    ["backend/x.snap", "---\nsource: anew\n---\n<p>don&#39;t</p>\nmail", "4 n't|5 mail"],
    ["script/x", '#!/bin/sh\n# Nobody.\nsay "anew" # at once\nx=anew', "2 -body|3 anew|3 at once"],
    ["end2end/x.ts", "const x = 'anew' // anew\nconst y = /'/ // `x` alone", "1 anew|2 alone"],
    ["style/x.css", "a { b: c; } /* anew\n * desk */", "1 anew|2 desk"],
  ];
  const sorted = (list) => [...list].sort().join("|");
  for (const [path, source, expected] of files) {
    const found = [...textsOf(path, () => source)].flatMap((text) =>
      [...hitsIn(text)].map(({ rule, index }) => `${text.line(index)} ${rule.name}`),
    );
    if (sorted(found) !== sorted(expected.split("|"))) yield `the sample of ${path} gives ${found.join("|")}, not ${expected}`;
  }
}

// ---- Command line

const args = process.argv.slice(2);
const onlyCounts = args.includes("--count");
const chosen = args.filter((arg) => !arg.startsWith("--")).map((path) => path.replace(/^\.\/|\/$/g, ""));
const isChosen = (path) => chosen.length === 0 || chosen.some((name) => path === name || path.startsWith(`${name}/`));

const broken = [...samples()];
for (const line of broken) console.error(`script/words.mjs: ${line}`);
if (broken.length > 0) process.exit(1);

const counts = new Map(RULES.map(({ name }) => [name, 0]));
let texts = 0;
let hits = 0;
for (const path of files().filter(isChosen)) {
  for (const text of textsOf(path, read)) {
    texts += 1;
    for (const { rule, index, found } of hitsIn(text)) {
      if (isException(path, text)) continue;
      hits += 1;
      counts.set(rule.name, counts.get(rule.name) + 1);
      const excerpt = text.text.slice(Math.max(0, index - 40), index + found.length + 40).trim();
      if (onlyCounts) continue;
      console.log(`${path}:${text.line(index)}: ${text.kind}: ${rule.name}: "${excerpt}": write ${rule.write}`);
    }
  }
}
if (onlyCounts) for (const [name, count] of counts) console.log(`${String(count).padStart(6)}  ${name}`);
console.log(`${texts} texts checked, ${hits} ${hits === 1 ? "hit" : "hits"} of the rules of docs/contribute/words.md.`);
process.exit(hits === 0 ? 0 : 1);
