# shellcheck shell=bash
# PostgreSQL and Redis for one run of a script: throw-away instances on free ports of 127.0.0.1, in a folder of their own.
# Sourced after lib.sh.
#
# It guarantees: the URLs are exported as DATABASE_URL and REDIS_URL with the prefix that is asked for; stop_children ends,
# in the reverse order, what was started here and what the caller has added to 'children', and nothing else.

work=       # the caller's temporary folder
children=() # "PID SIGNAL"

stop_children() {
  local index pid signal tries
  for ((index = ${#children[@]} - 1; index >= 0; index--)); do
    read -r pid signal <<<"${children[index]}"
    kill -s "$signal" "$pid" 2>/dev/null || continue
    for ((tries = 0; tries < 100; tries++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -s KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  children=()
}

free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}

# Waits until the program with this pid has written TEXT to LOG; at most half a minute, and only while it lives.
await() { # PID LOG TEXT
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    if grep -q "$3" "$2" 2>/dev/null; then return 0; fi
    kill -0 "$1" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# The settings (NAME=VALUE) are those of postgresql.conf.
start_postgres() { # PREFIX SETTING...
  local prefix="$1" bin tries port pid setting log="$work/postgres.log" as_postgres=() settings=()
  shift
  for setting in "$@"; do settings+=(-c "$setting"); done
  bin="$(find_postgres)"
  mkdir "$work/postgres" || return
  if [ "$(id -u)" = 0 ]; then # it refuses to run as root
    as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
    chmod 711 "$work"
    chown postgres: "$work/postgres" || return
  fi
  (
    cd "$work/postgres"
    ${as_postgres[@]+"${as_postgres[@]}"} "$bin/initdb" --pgdata data --username postgres --auth trust \
      --encoding UTF8 --locale C --no-sync
  ) >"$log" 2>&1 || {
    cat "$log" >&2
    return 1
  }
  for ((tries = 0; tries < 5; tries++)); do # another program may take the port first
    port="$(free_port)"
    (
      cd "$work/postgres" || exit
      exec ${as_postgres[@]+"${as_postgres[@]}"} "$bin/postgres" -D data -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= ${settings[@]+"${settings[@]}"}
    ) >"$log" 2>&1 &
    pid=$!
    children+=("$pid QUIT")
    if await "$pid" "$log" 'ready to accept connections'; then
      export "${prefix}DATABASE_URL=postgres://postgres@127.0.0.1:$port/postgres"
      return 0
    fi
  done
  cat "$log" >&2
  return 1
}

start_redis() { # PREFIX
  local prefix="$1" tries port pid log="$work/redis.log"
  mkdir "$work/redis"
  for ((tries = 0; tries < 5; tries++)); do
    port="$(free_port)"
    redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work/redis" >"$log" 2>&1 &
    pid=$!
    children+=("$pid TERM")
    if await "$pid" "$log" 'Ready to accept connections'; then
      export "${prefix}REDIS_URL=redis://127.0.0.1:$port"
      return 0
    fi
  done
  cat "$log" >&2
  return 1
}
