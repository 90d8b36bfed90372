# shellcheck shell=bash
# Shared code of the scripts in this folder: paths, the choice of the Rust toolchain, the flags of debug and release
# builds, and output. Other scripts source it ('source script/lib.sh'). It installs nothing (script/bootstrap does) and
# takes a few milliseconds.
# shellcheck disable=SC2034 # the scripts that source this file use the names

set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CACHE="${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/vestibule"
TARGET="${CARGO_TARGET_DIR:-$ROOT/target}"
case "$TARGET" in /*) ;; *) TARGET="$PWD/$TARGET" ;; esac
[ -z "${CARGO_TARGET_DIR:-}" ] || export CARGO_TARGET_DIR="$TARGET" # the scripts change folders

locked_version() { # LOCK-FILE CRATE
  awk -v name="name = \"$2\"" '$0 == name { getline; gsub(/[^0-9.]/, ""); print; exit }' "$1"
}
LEPTOS_VERSION="$(locked_version "$ROOT/script/tools/Cargo.lock" cargo-leptos)"
# The command line tool must be of exactly the version that the program is linked with.
BINDGEN_VERSION="$(locked_version "$ROOT/Cargo.lock" wasm-bindgen)"
# The name of the folder depends on the content of script/tools, because all clones share the cache.
TOOLS_DIR="$CACHE/tools-$(find "$ROOT/script/tools" -name target -prune -o -type f -print0 | sort -z | xargs -0 cat | cksum | tr ' ' -)"
export PATH="$TOOLS_DIR/bin:$ROOT/style/node_modules/.bin:$PATH"

# The C compiler looks for its linker here first. Debian's mold is faster than the default linker.
# Added only once: when this variable changes, build scripts run again, and so does much of the build.
case ":${COMPILER_PATH:-}:" in
  *:/usr/libexec/mold:*) ;;
  *) [ ! -x /usr/libexec/mold/ld ] || export COMPILER_PATH="/usr/libexec/mold${COMPILER_PATH:+:$COMPILER_PATH}" ;;
esac

say() { printf '==> %s\n' "$*" >&2; }

die() {
  printf 'script/%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Prints a number of seconds as a duration, such as "59 s" or "12 min 5 s".
duration() {
  if (($1 < 60)); then printf '%d s' "$1"; else printf '%d min %d s' $(($1 / 60)) $(($1 % 60)); fi
}

# ---- Steps of a long job: each is announced with its number and the time that it takes on two idle cores

# The number of steps, and the number of the current one. Exported, so that a called script continues the count.
export VESTIBULE_STEPS="${VESTIBULE_STEPS:-0}" VESTIBULE_STEP="${VESTIBULE_STEP:-0}"

announce_steps() { # "SECONDS NAME"...
  local line sum=0 number=0
  VESTIBULE_STEPS=$#
  (($# > 1)) || return 0
  for line in "$@"; do sum=$((sum + ${line%% *})); done
  say "$# steps, about $(rounded_duration "$sum") on two idle cores. If you interrupt a run, the next run continues where it stopped."
  for line in "$@"; do
    number=$((number + 1))
    say "  $number. ${line#* }: about $(rounded_duration "${line%% *}")"
  done
}

begin_step() { # "SECONDS NAME"
  local number=
  VESTIBULE_STEP=$((VESTIBULE_STEP + 1))
  ((VESTIBULE_STEPS < 2)) || number="Step $VESTIBULE_STEP of $VESTIBULE_STEPS: "
  say "$number${1#* } (about $(rounded_duration "${1%% *}"))…"
}

# Prints a number of seconds as a rounded duration, such as "20 seconds" or "3 minutes".
rounded_duration() {
  if (($1 < 90)); then printf '%d seconds' "$1"; else printf '%d minutes' $((($1 + 30) / 60)); fi
}

# ---- The Rust toolchain: it must support wasm32-unknown-unknown and have at least the version in Cargo.toml

WASM=wasm32-unknown-unknown
RUST_MINIMUM="$(awk -F '"' '/^rust-version/ { print $2; exit }' "$ROOT/Cargo.toml")"
# Debian packages no standard library for WebAssembly, so script/bootstrap builds it for one version of Debian's
# compiler. This file contains that version.
DEBIAN_STAMP="/usr/lib/rustlib/$WASM/vestibule-std"

is_supported_version() { # VERSION
  [ "$(printf '%s\n%s\n' "$RUST_MINIMUM" "$1" | sort -V | head -n 1)" = "$RUST_MINIMUM" ]
}

active_toolchain_is_new_enough() { have rustc && have cargo && is_supported_version "$(rustc --version | cut -d ' ' -f 2)"; }

# True if the toolchain on PATH can compile both halves.
active_toolchain_is_usable() {
  local libdir
  active_toolchain_is_new_enough && libdir="$(rustc --print target-libdir --target "$WASM" 2>/dev/null)" &&
    compgen -G "$libdir/libstd-*.rlib" >/dev/null
}

# True if Debian's toolchain is usable.
debian_toolchain_is_usable() {
  local version
  [ -e "$DEBIAN_STAMP" ] && [ -x /usr/bin/cargo ] && version="$(/usr/bin/rustc --version 2>/dev/null)" &&
    [ "$(<"$DEBIAN_STAMP")" = "$version" ] && is_supported_version "$(cut -d ' ' -f 2 <<<"$version")"
}

# rustup's name of the toolchain for the browser's half. Empty if it is the same one as for the server's half.
BROWSER_TOOLCHAIN=

# Selects a usable toolchain for each half, by PATH, RUSTUP_TOOLCHAIN or BROWSER_TOOLCHAIN. Fails if there is none.
choose_toolchain() {
  local server
  BROWSER_TOOLCHAIN=
  if ! debian_toolchain_is_usable || { [ "${RUSTUP_TOOLCHAIN:-}" != debian ] && active_toolchain_is_usable; }; then
    active_toolchain_is_usable
  elif ! have rustup; then
    export PATH="$TOOLS_DIR/bin:$ROOT/style/node_modules/.bin:/usr/bin:$PATH"
  else
    [ "${RUSTUP_HOME:-$HOME/.rustup}/toolchains/debian" -ef /usr ] || rustup toolchain link debian /usr
    if [ "${RUSTUP_TOOLCHAIN:-}" != debian ] && active_toolchain_is_new_enough && server="$(rustup show active-toolchain)"; then
      # rustup's compiler needs two thirds of the time of Debian's (docs/contribute/timings.md), so it compiles the server's half.
      BROWSER_TOOLCHAIN=debian
      export LEPTOS_BIN_CARGO_COMMAND="rustup run ${server%% *} cargo"
    else
      export RUSTUP_TOOLCHAIN=debian
    fi
  fi
}

# Runs a command with the toolchain for the browser's half. cargo-leptos is such a command: it starts cargo for the server's half with
# LEPTOS_BIN_CARGO_COMMAND.
with_browser_toolchain() {
  if [ -n "$BROWSER_TOOLCHAIN" ]; then RUSTUP_TOOLCHAIN="$BROWSER_TOOLCHAIN" "$@"; else "$@"; fi
}

# ---- Programs for the tests: each function prints a path, or nothing if the program is not installed

# Prints the folder that contains initdb and postgres.
find_postgres() {
  local dir
  if have initdb && have postgres; then
    dirname "$(command -v initdb)"
    return
  fi
  for dir in $(compgen -G '/usr/lib/postgresql/*/bin' | sort -rV) $(compgen -G '/usr/pgsql-*/bin' | sort -rV); do
    if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
      printf '%s\n' "$dir"
      return
    fi
  done
}

# Prints the path of a Chromium. Prefers Debian's headless shell, which takes two thirds of the time.
find_chromium() {
  local name
  for name in "${CHROMIUM:-}" /usr/bin/chromium-headless-shell /usr/bin/chromium; do
    if [ -n "$name" ] && [ -x "$name" ]; then
      printf '%s\n' "$name"
      return
    fi
  done
}

# ---- Debug and release builds

# cargo-leptos adds '--cfg erase_components' to RUSTFLAGS in debug builds, and sets LEPTOS_OUTPUT_NAME, which leptos
# reads when it is compiled. cargo_debug does the same for plain cargo, so that both share one build. Do not set the flag
# for release builds or for cargo-leptos itself. Debug and release have separate site folders, so that a release build
# does not remove the files of a running development server.
LEPTOS_OUTPUT_NAME="$(awk -F '"' '/^output-name/ { name = $2 } END { print name == "" ? "vestibule_web" : name }' "$ROOT/Cargo.toml")"
export LEPTOS_OUTPUT_NAME
DEBUG_SITE="$TARGET/debug/site"
DEBUG_PROGRAM="$TARGET/debug/vestibule"
DEBUG_STAMP="$TARGET/debug/vestibule-built"
RELEASE_SITE="$TARGET/site"
RELEASE_PROGRAM="$TARGET/release/vestibule"

cargo_debug() {
  RUSTFLAGS="${RUSTFLAGS:+$RUSTFLAGS }--cfg erase_components" CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-1}" cargo "$@"
}

leptos_debug() {
  CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-1}" LEPTOS_SITE_ROOT="$DEBUG_SITE" with_browser_toolchain cargo leptos "$@"
}

# The features of the release program.
RELEASE_FEATURES=jemalloc

# Builds both halves at the same time, the program first: for half of its time it keeps only one core busy, most of it the link.
# Stops the other half if one fails. RELEASE_CARGO_CONFIG is a file with settings of cargo for the program (.ci/run has one).
leptos_release() (
  # An asynchronous command ignores Ctrl-C unless the trap is reset.
  build_half() { (trap - INT && with_browser_toolchain exec nice -n "$1" cargo leptos build --release "${@:2}") & }
  local browser_niceness=19
  [ -z "${RELEASE_CARGO_CONFIG:-}" ] || browser_niceness=0 # without LTO, the browser's half is the longer one
  export LEPTOS_SITE_ROOT="$RELEASE_SITE"
  cd "$ROOT" || return
  build_half 0 --server-only --bin-features "$RELEASE_FEATURES" \
    ${RELEASE_CARGO_CONFIG:+"--bin-cargo-args=--config=$RELEASE_CARGO_CONFIG"}
  build_half "$browser_niceness" --frontend-only --precompress
  if wait -n && wait -n; then return; fi
  kill -INT "$(jobs -pr)" 2>/dev/null
  wait
  return 1
)

# True if the debug program and its site are built from the current sources.
debug_is_built() {
  [ -x "$DEBUG_PROGRAM" ] && [ -e "$TARGET/debug/hash.txt" ] && [ -d "$DEBUG_SITE/pkg" ] && [ -e "$DEBUG_STAMP" ] &&
    [ "$(<"$DEBUG_STAMP")" = "$ROOT $LEPTOS_VERSION" ] &&
    [ -z "$(find "$ROOT/Cargo.toml" "$ROOT/Cargo.lock" "$ROOT/src" "$ROOT/domain" "$ROOT/backend" "$ROOT/app" \
      "$ROOT/server" "$ROOT/migration" "$ROOT/public" "$ROOT/style" \
      \( -name node_modules -o -name tests -o -name tests.rs -o -name snapshots \) -prune \
      -o -newer "$DEBUG_STAMP" -print -quit)" ]
}

# The time and name of the step that builds the portal. The first build takes longer, and so does one with other dependencies.
BUILD_STEP="650 Building the portal"
if [ -x "$DEBUG_PROGRAM" ] && ! [ "$ROOT/Cargo.lock" -nt "$DEBUG_PROGRAM" ]; then BUILD_STEP="60 Building the portal"; fi

# Builds the debug program and its site if the sources have changed. The stamp has the time at which the build started,
# so that files that are edited during the build count as changed.
build_debug() {
  if debug_is_built; then return 0; fi
  mkdir -p "$TARGET/debug"
  printf '%s\n' "$ROOT $LEPTOS_VERSION" >"$DEBUG_STAMP.new" || return
  rm -f "$DEBUG_STAMP"
  (cd "$ROOT" && leptos_debug build) || return
  mv "$DEBUG_STAMP.new" "$DEBUG_STAMP"
}
