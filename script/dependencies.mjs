// Checks the dependencies of the workspace's crates. It reads the Cargo.toml files and the sources, and builds nothing.
// - 'node script/dependencies.mjs layers' fails if one of our crates depends on another one that it may not know.
// - 'node script/dependencies.mjs unused' fails if a dependency is not used, or is used only by tests and benchmarks.
// - 'node script/dependencies.mjs features' fails if the tests enable other features of a dependency than the program does:
//   cargo would compile it twice, and so everything that depends on it.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

// The crates of the workspace, and those of them on which each may depend.
const LAYERS = {
  "vestibule-web": ["app"],
  server: ["app", "backend", "domain", "migration"],
  app: ["backend", "domain"],
  backend: ["domain"],
  domain: [],
  migration: [],
};
// Left out of the browser build, so they must be optional.
const OPTIONAL = ["app -> backend"];
// Dependencies that no source names, with the reason for each.
const UNNAMED = {
  "backend -> socket2": "fred's feature tcp-user-timeouts needs socket2's feature `all`, which fred does not enable",
};

const root = fileURLToPath(new URL("..", import.meta.url));
const metadata = ["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"];
const { packages } = JSON.parse(execFileSync("cargo", metadata, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 }));

function layers() {
  return packages.flatMap(({ name, dependencies }) => {
    const allowed = LAYERS[name];
    if (allowed === undefined) return [`${name} is a new crate: add it to LAYERS in script/dependencies.mjs.`];
    return dependencies.flatMap((dependency) => {
      const arrow = `${name} -> ${dependency.name}`;
      if (dependency.path === undefined || dependency.path === null) return [];
      if (!allowed.includes(dependency.name)) {
        return [`${arrow} is not allowed: ${name} may depend on ${allowed.join(", ") || "none of our crates"}.`];
      }
      const optional = dependency.optional || dependency.kind === "dev";
      return OPTIONAL.includes(arrow) && !optional ? [`${arrow} must be optional, because the browser build leaves it out.`] : [];
    });
  });
}

function* rustFiles(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) for (const entry of readdirSync(path)) yield* rustFiles(join(path, entry));
  else if (found && path.endsWith(".rs")) yield path;
}

// The Rust code below these paths, without comment lines.
const code = (paths) =>
  paths.flatMap((path) => [...rustFiles(path)]).map((path) => [path, readFileSync(path, "utf8").replace(/^\s*\/\/.*$/gm, "")]);
// A unit test module is at the end of its file, or in a file tests.rs or a folder tests/.
const withoutTests = (files, folder) =>
  files
    .filter(([path]) => !/(^|\/)tests(\.rs|\/)/.test(relative(folder, path)))
    .map(([path, text]) => [path, text.split(/^#\[cfg\(test\)\]\n(?:pub )?mod \w+ \{/m)[0]]);

// 'name::…', 'use name;' or 'use name as …', but not 'other::name::…'.
function names(files, dependency) {
  const name = (dependency.rename ?? dependency.name).replaceAll("-", "_");
  const pattern = new RegExp(`(?<![\\w:])(::)?${name}::|\\buse (::)?${name}( as \\w+)?;`);
  return files.some(([, text]) => pattern.test(text));
}

function unused() {
  const seen = new Set();
  const problems = packages.flatMap(({ name, manifest_path, dependencies }) => {
    const folder = dirname(manifest_path);
    const all = code(["src", "tests", "benches", "examples", "build.rs"].map((path) => join(folder, path)));
    const production = withoutTests(code(["src", "build.rs"].map((path) => join(folder, path))), folder);
    return dependencies.flatMap((dependency) => {
      const arrow = `${name} -> ${dependency.name}`;
      if (!names(all, dependency)) {
        seen.add(arrow);
        return arrow in UNNAMED ? [] : [`${arrow} is not used: remove it from ${relative(root, manifest_path)}.`];
      }
      if (dependency.kind === "dev" || names(production, dependency)) return [];
      return [`${arrow} is used only by tests or benchmarks: move it to [dev-dependencies].`];
    });
  });
  const stale = Object.keys(UNNAMED).filter((arrow) => !seen.has(arrow));
  return [...problems, ...stale.map((arrow) => `${arrow} is used or is gone: remove it from UNNAMED in script/dependencies.mjs.`), ...unusedInWorkspace()];
}

// Cargo.toml's [workspace.dependencies] must hold no entry that no crate inherits.
function unusedInWorkspace() {
  const [, section] = readFileSync(join(root, "Cargo.toml"), "utf8").match(/^\[workspace\.dependencies\]\n([\s\S]*?)(?=^\[|(?![\s\S]))/m);
  const inherited = new Set(packages.flatMap(({ dependencies }) => dependencies.map(({ name }) => name)));
  return [...section.matchAll(/^([\w-]+) *=/gm)]
    .filter(([, name]) => !inherited.has(name))
    .map(([, name]) => `${name} is not used by any crate: remove it from [workspace.dependencies] in Cargo.toml.`);
}

// The features of each package of a build, by its name and version. A package that is compiled for macros too may be listed twice.
// Not offline: on a new machine, cargo downloads the packages here.
function featuresOf(...choice) {
  const tree = ["tree", "--locked", "--prefix", "none", "--format", "{p}\t{f}", ...choice];
  const found = new Map();
  for (const line of execFileSync("cargo", tree, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 28 }).split("\n")) {
    const [name, enabled] = line.replace(/ \(\*\)$/, "").split("\t");
    if (enabled !== undefined) found.set(name, new Set([...(found.get(name) ?? []), ...enabled.split(",")]));
  }
  return found;
}

function features() {
  const program = featuresOf("--package", "server", "--edges", "normal,build");
  const tests = featuresOf("--edges", "normal,build,dev");
  return [...program].flatMap(([name, enabled]) => {
    const more = [...(tests.get(name) ?? [])].filter((feature) => !enabled.has(feature));
    return more.length === 0 ? [] : [`the tests enable ${more.join(", ")} of ${name}: enable it for the program too, or for neither.`];
  });
}

const checks = { layers, unused, features };
const [which] = process.argv.slice(2);
if (!Object.hasOwn(checks, which ?? "")) {
  console.error("usage: node script/dependencies.mjs layers|unused|features");
  process.exit(2);
}
const problems = checks[which]();
for (const problem of problems) console.error(`script/dependencies.mjs: ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
