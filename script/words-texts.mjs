// Finds the texts in the files of this checkout, for words.mjs. A text is a string, a paragraph, a list item or a table cell:
// - text, and line(offset): the line of each part of it
// - kind: "page", "email", "operator" (command line, settings, logs, scripts), "document" or "comment"
// - docStart: true for the beginning of a doc comment; isTitle: true for a heading; fragment: true for a part of a sentence

// Joins lines [{ line, text }] into one text that still knows the line of each offset.
export function joined(lines, fields) {
  const starts = [];
  let text = "";
  for (const part of lines) {
    if (text !== "") text += " ";
    starts.push([text.length, part.line]);
    text += part.text.trim();
  }
  const line = (offset) => starts.findLast(([start]) => start <= offset)[1];
  return { text, line, ...fields };
}

// Splits lines into paragraphs, list items, table cells and headings, without code blocks.
function* paragraphs(lines, fields) {
  let open = [];
  let isFirst = true;
  let fence = false;
  const flush = function* () {
    if (open.length > 0) {
      yield joined(open, { ...fields, docStart: fields.docStart === true && isFirst });
      isFirst = false;
    }
    open = [];
  };
  for (const [index, { line, text }] of lines.entries()) {
    const trimmed = text.trim();
    if (/^(```|~~~)/.test(trimmed)) {
      yield* flush();
      fence = !fence;
    } else if (fence) continue;
    else if (trimmed === "" || /^(<!--.*-->|-{3,}|={3,}|\|[\s|:-]+\|)$/.test(trimmed)) yield* flush();
    else if (trimmed.startsWith("|")) {
      yield* flush();
      const isTitle = /^\s*\|[\s|:-]+\|\s*$/.test(lines[index + 1]?.text ?? "");
      for (const cell of trimmed.split(/(?<!\\)\|/)) {
        if (cell.trim() !== "") yield joined([{ line, text: cell }], { ...fields, docStart: false, isTitle });
      }
    } else if (/^#{1,6} /.test(trimmed)) {
      yield* flush();
      yield joined([{ line, text: trimmed.replace(/^#+ /, "") }], { ...fields, docStart: false, isTitle: true });
      isFirst = false;
    } else {
      if (/^([-*+]|\d+[.)]) /.test(trimmed)) yield* flush();
      open.push({ line, text: text.replace(/^\s*(?:[-*+] |\d+[.)] |> ?(?:\[!\w+\])?)/, "") });
    }
  }
  yield* flush();
}

const numbered = (text, first = 1) => text.split("\n").map((line, index) => ({ line: first + index, text: line }));
const keepLines = (text) => text.replace(/[^\n]/g, "");
const ENTITIES = { "&#39;": "'", "&quot;": '"', "&lt;": "<", "&gt;": ">", "&amp;": "&" };
const withoutTags = (text) => text.replace(/<[^>]*>/g, " ").replace(/&[#\w]+;/g, (name) => ENTITIES[name] ?? name);

function markdown(text) {
  const prose = text
    .replace(/<!--[\s\S]*?-->|<(?:pre|style)\b[\s\S]*?<\/(?:pre|style)>/g, keepLines)
    .replace(/\]\([^)\n]*\)/g, "]")
    .replace(/^\[[^\]]+\]: .*$/gm, "")
    .replace(/<\/?[a-z][^>]*>/g, keepLines);
  return paragraphs(numbered(prose), { kind: "document" });
}

// An email as sent, or a template of one. A snapshot begins with insta's header.
function email(text) {
  const header = /^---\n[\s\S]*?\n---\n/.exec(text)?.[0] ?? "";
  const body = keepLines(header) + text.slice(header.length).replace(/\{[%#][\s\S]*?[%#]\}/g, keepLines);
  return numbered(body)
    .map(({ line, text: row }) => ({ line, text: withoutTags(row) }))
    .filter((row) => row.text.trim() !== "")
    .map((row) => joined([row], { kind: "email" }));
}

// Comments in blocks: adjacent lines with the same marker.
function* comments(found) {
  let block = [];
  const flush = function* () {
    if (block.length > 0) yield* paragraphs(block, { kind: "comment", docStart: /^\/\/[/!]$/.test(block[0].marker) });
    block = [];
  };
  for (const comment of found) {
    const previous = block.at(-1);
    if (previous && (comment.marker !== previous.marker || comment.line !== previous.line + 1)) yield* flush();
    block.push(comment);
  }
  yield* flush();
}

const RUST =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|\b(?:b|c|br|cr|r)(#*)"[\s\S]*?"\1|[bc]?"(?:\\[\s\S]|[^"\\])*"|'(?:\\(?:u\{[^}]*\}|.[^']?)|[^'\\\n])'/g;
const SCRIPT = new RegExp(
  [
    String.raw`\/\/[^\n]*|\/\*[\s\S]*?\*\/`,
    String.raw`"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'`,
    "`(?:\\\\[\\s\\S]|\\$\\{(?:[^{}]|\\{[^{}]*\\})*\\}|[^`\\\\])*`",
    String.raw`(?<=(?:^|[(,=:\[!&|?{};+>])\s*|return\s+)\/(?![*\/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^\/\\\n\[])+\/[a-z]*`,
  ].join("|"),
  "gm",
);

const CSS = /\/\*[\s\S]*?\*\//g;

// Comments and strings of Rust, JavaScript, TypeScript or CSS.
function* code(source, tokens, stringKind) {
  // The unit tests are at the end of a file.
  const tests = source.search(/^#\[cfg\(test\)\]\n(?:pub )?mod \w+ \{/m);
  let line = 1;
  let at = 0;
  const notes = [];
  const strings = [];
  for (const match of source.matchAll(tokens)) {
    line += source.slice(at, match.index).split("\n").length - 1;
    at = match.index;
    const token = match[0];
    if (token.startsWith("//")) {
      const marker = /^\/\/[/!]?/.exec(token)[0];
      notes.push({ line, marker, text: token.slice(marker.length) });
    } else if (token.startsWith("/*")) {
      const inner = token.slice(2, -2).replace(/^[ \t]*\*/gm, "");
      notes.push(...numbered(inner, line).map((row) => ({ ...row, marker: "/*" })));
    } else if (stringKind && /^[bcr#]*["`]|^'[^']{2}/.test(token) && !(tests >= 0 && at > tests)) {
      // Where a string continues on the next line, its lines are kept.
      const content = token.replace(/^[bcr#]*["'`]|["'`]#*$/g, "").replace(/\\\n\s*/g, "\n");
      if (!isText(content, source.slice(Math.max(0, at - 60), at))) continue;
      strings.push(joined(numbered(content, line), { kind: stringKind, fragment: /^\s/.test(content) }));
    }
  }
  yield* comments(notes);
  yield* strings;
}

// The name of an attribute whose value is no text, before the string.
const ATTRIBUTE =
  /\b(?:class|id|name|action|href|src|for|type|method|rel|autocomplete|inputmode|form|formaction|rename|alias|path)\s*=\s*$/;
const SQL = /^\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|DROP|SET|PRAGMA|BEGIN)\b/;

// Is this string a text for people? It has several words, or is one word that begins like a sentence ("Address").
function isText(content, before) {
  if (!/\p{L}{2}/u.test(content) || ATTRIBUTE.test(before) || SQL.test(content)) return false;
  return /\s/.test(content.trim()) || /^[A-Z][a-z’']+[.!]?$/.test(content.trim());
}

// Comments of a shell script or a configuration file, and the texts that a script prints.
function* hashComments(source, { prints }) {
  const notes = [];
  const printed = [];
  for (const { line, text } of numbered(source)) {
    const whole = /^\s*#(?!!)(.*)$/.exec(text);
    if (whole) notes.push({ line, marker: "#", text: whole[1].replace(/^#+/, "") });
    else {
      const trailing = /^(?:[^"'#]|"(?:\\.|[^"\\])*"|'[^']*')*?\s#\s(.*)$/.exec(text);
      if (trailing) notes.push({ line, marker: "#", text: trailing[1] });
      const [print] = (prints && /\b(?:say|die|echo|printf|warn|usage)\b.*/.exec(text)) || [""];
      for (const [found] of print.matchAll(/"(?:\\.|[^"\\])*"|'[^']*'/g)) {
        printed.push(joined([{ line, text: found.slice(1, -1) }], { kind: "operator" }));
      }
    }
  }
  yield* comments(notes);
  yield* printed;
}

// The kind of the strings of a Rust file.
function rustStrings(path) {
  if (/(?:^|\/)(?:tests|benches|stubs)(?:\.rs|\/)/.test(path)) return undefined;
  if (/^(?:domain|app)\/src\/|^backend\/src\/audit\//.test(path)) return "page";
  if (path.startsWith("backend/src/email/templates/")) return "email";
  return /^(?:backend|server|migration)\/src\//.test(path) ? "operator" : undefined;
}

// The texts of a file. 'read' returns the content of a path.
export function textsOf(path, read) {
  if (/package-lock\.json$/.test(path)) return [];
  if (/\.md$/.test(path)) return markdown(read(path));
  if (/\.snap$|^backend\/templates\//.test(path)) return email(read(path));
  if (/\.rs$/.test(path)) return code(read(path), RUST, rustStrings(path));
  if (/\.mjs$/.test(path)) return code(read(path), SCRIPT, "operator");
  if (/\.ts$/.test(path)) return code(read(path), SCRIPT, undefined);
  if (/\.css$/.test(path)) return code(read(path), CSS, undefined);
  if (/\.toml$|^\.github\/.*\.yml$/.test(path)) return hashComments(read(path), { prints: false });
  if (/^(?:script|deploy)\/[\w.-]+$/.test(path)) return hashComments(read(path), { prints: true });
  return [];
}
