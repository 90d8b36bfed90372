# shellcheck shell=bash
# What the scripts of this folder share: where things are, which Rust toolchain is used, which flags debug and release
# builds get, and how something is said. It is sourced ('source script/lib.sh'), installs nothing (script/bootstrap
# does) and takes a few milliseconds.
# shellcheck disable=SC2034 # the scripts that source it use the names

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
# Another folder for each state of script/tools, because all clones share them.
TOOLS_DIR="$CACHE/tools-$(find "$ROOT/script/tools" -name target -prune -o -type f -print0 | sort -z | xargs -0 cat | cksum | tr ' ' -)"
export PATH="$TOOLS_DIR/bin:$ROOT/style/node_modules/.bin:$PATH"

# The C compiler looks for its linker here first. Debian's mold is faster than the default.
# Once only: build scripts run again when this variable changes, and with them much of the build.
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

# "95" or "12 min 5 s", of the seconds given.
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
  say "$# steps, about $(about "$sum") on two idle cores. If you interrupt a run, the next run continues where it stopped."
  for line in "$@"; do
    number=$((number + 1))
    say "  $number. ${line#* }: about $(about "${line%% *}")"
  done
}

begin_step() { # "SECONDS NAME"
  local number=
  VESTIBULE_STEP=$((VESTIBULE_STEP + 1))
  ((VESTIBULE_STEPS < 2)) || number="Step $VESTIBULE_STEP of $VESTIBULE_STEPS: "
  say "$number${1#* } (about $(about "${1%% *}"))…"
}

# Prints a number of seconds in words, such as "20 seconds" or "3 minutes".
about() {
  if (($1 < 90)); then printf '%d seconds' "$1"; else printf '%d minutes' $((($1 + 30) / 60)); fi
}

# ---- The toolchain: it must know wasm32-unknown-unknown and be new enough.

WASM=wasm32-unknown-unknown
RUST_MINIMUM="$(awk -F '"' '/^rust-version/ { print $2; exit }' "$ROOT/Cargo.toml")"
# Debian's wasm std is built by us, for one version of its compiler: that version stands in this file.
DEBIAN_STAMP="/usr/lib/rustlib/$WASM/vestibule-std"

new_enough() { # VERSION
  [ "$(printf '%s\n%s\n' "$RUST_MINIMUM" "$1" | sort -V | head -n 1)" = "$RUST_MINIMUM" ]
}

# Whether what "rustc" means now will do.
active_toolchain_fits() {
  local libdir
  have rustc && have cargo && libdir="$(rustc --print target-libdir --target "$WASM" 2>/dev/null)" &&
    compgen -G "$libdir/libstd-*.rlib" >/dev/null && new_enough "$(rustc --version | cut -d ' ' -f 2)"
}

debian_toolchain_fits() {
  local version
  [ -e "$DEBIAN_STAMP" ] && [ -x /usr/bin/cargo ] && version="$(/usr/bin/rustc --version 2>/dev/null)" &&
    [ "$(<"$DEBIAN_STAMP")" = "$version" ] && new_enough "$(cut -d ' ' -f 2 <<<"$version")"
}

# Makes rustc and cargo mean a toolchain that fits; fails when there is none.
choose_toolchain() {
  if debian_toolchain_fits && { [ "${RUSTUP_TOOLCHAIN:-}" = debian ] || ! active_toolchain_fits; }; then
    if have rustup; then
      [ "${RUSTUP_HOME:-$HOME/.rustup}/toolchains/debian" -ef /usr ] || rustup toolchain link debian /usr
      export RUSTUP_TOOLCHAIN=debian
    else
      export PATH="$TOOLS_DIR/bin:$ROOT/style/node_modules/.bin:/usr/bin:$PATH"
    fi
  else
    active_toolchain_fits
  fi
}

# ---- What the tests use, wherever the system keeps it; nothing when it isn't there

# The folder with initdb and postgres.
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

# Debian's headless one first: it does the same in two thirds of the time.
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

# cargo-leptos gives its debug builds '--cfg erase_components' (after what RUSTFLAGS says) and this name, which leptos
# reads when it is compiled. Plain cargo gets the same from cargo_debug, so that both share one build; release builds
# and cargo-leptos itself must not be given the flag. The sites lie apart, so that a release does not pull the files
# away from under a running development server.
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
  CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-1}" LEPTOS_SITE_ROOT="$DEBUG_SITE" cargo leptos "$@"
}

# The features of the release program.
RELEASE_FEATURES=jemalloc

leptos_release() {
  (cd "$ROOT" && LEPTOS_SITE_ROOT="$RELEASE_SITE" cargo leptos build --release --precompress --bin-features "$RELEASE_FEATURES")
}

# Whether the debug program and its site are those of the sources as they stand.
debug_is_built() {
  [ -x "$DEBUG_PROGRAM" ] && [ -e "$TARGET/debug/hash.txt" ] && [ -d "$DEBUG_SITE/pkg" ] && [ -e "$DEBUG_STAMP" ] &&
    [ "$(<"$DEBUG_STAMP")" = "$ROOT $LEPTOS_VERSION" ] &&
    [ -z "$(find "$ROOT/Cargo.toml" "$ROOT/Cargo.lock" "$ROOT/src" "$ROOT/app" "$ROOT/server" "$ROOT/migration" \
      "$ROOT/public" "$ROOT/style" \( -name node_modules -o -name tests -o -name tests.rs -o -name snapshots \) -prune \
      -o -newer "$DEBUG_STAMP" -print -quit)" ]
}

# The time and name of the step that builds the portal. The first build takes longer.
if [ -x "$DEBUG_PROGRAM" ]; then BUILD_STEP="60 Building the portal"; else BUILD_STEP="650 Building the portal"; fi

# Builds the debug program and its site when the sources have changed. The stamp bears the time when the build began:
# what is edited meanwhile counts as changed.
build_debug() {
  if debug_is_built; then return 0; fi
  mkdir -p "$TARGET/debug"
  printf '%s\n' "$ROOT $LEPTOS_VERSION" >"$DEBUG_STAMP.new" || return
  rm -f "$DEBUG_STAMP"
  (cd "$ROOT" && leptos_debug build) || return
  mv "$DEBUG_STAMP.new" "$DEBUG_STAMP"
}
