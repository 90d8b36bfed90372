// Shared by words.mjs and links.mjs: the folder of this checkout, and its files.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

export const isFile = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true;
export const isFolder = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() === true;
export const read = (path) => readFileSync(join(root, path), "utf8");

function* walk(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) yield relative(root, path);
    else if (!/^(?:\.git|target|node_modules|data)$/.test(entry.name)) yield* walk(path);
  }
}

// The paths of the tracked and the new files, or of all files where git does not know this folder (an unpacked archive).
export function files() {
  const git = (...args) =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26, stdio: ["ignore", "pipe", "ignore"] });
  let paths;
  try {
    if (realpathSync(git("rev-parse", "--show-toplevel").trim()) === realpathSync(root)) {
      paths = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0");
    }
  } catch {
    // No git, or no repository.
  }
  return [...new Set(paths ?? walk(root))].filter((path) => path !== "" && isFile(path)).sort();
}
