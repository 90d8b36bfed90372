# shellcheck shell=bash
# Temporary PostgreSQL and Redis instances for one run of a script, on free ports of 127.0.0.1 and in a temporary folder.
# Source this file after lib.sh.
#
# Guarantees:
# - The URLs are exported as DATABASE_URL and REDIS_URL, with the given prefix.
# - stop_children stops the processes in 'children' in reverse order, and no others. Callers may add their own processes.

work=       # the temporary folder of the calling script
children=() # one entry "PID SIGNAL" per process

stop_children() {
  local index pid signal attempt
  for ((index = ${#children[@]} - 1; index >= 0; index--)); do
    read -r pid signal <<<"${children[index]}"
    kill -s "$signal" "$pid" 2>/dev/null || continue
    for ((attempt = 0; attempt < 100; attempt++)); do
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

# Waits until the process PID has written TEXT to LOG. Fails after 30 seconds, or if the process exits first.
wait_for_log() { # PID LOG TEXT
  local attempt
  for ((attempt = 0; attempt < 300; attempt++)); do
    if grep -q "$3" "$2" 2>/dev/null; then return 0; fi
    kill -0 "$1" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# Starts PostgreSQL. Each SETTING is NAME=VALUE, as in postgresql.conf.
start_postgres() { # PREFIX SETTING...
  local prefix="$1" bin attempt port pid setting log="$work/postgres.log" as_postgres=() settings=()
  shift
  for setting in "$@"; do settings+=(-c "$setting"); done
  bin="$(find_postgres)"
  mkdir "$work/postgres" || return
  if [ "$(id -u)" = 0 ]; then # PostgreSQL refuses to run as root
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
  for ((attempt = 0; attempt < 5; attempt++)); do # another program may take the port in the meantime
    port="$(free_port)"
    (
      cd "$work/postgres" || exit
      exec ${as_postgres[@]+"${as_postgres[@]}"} "$bin/postgres" -D data -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= ${settings[@]+"${settings[@]}"}
    ) >"$log" 2>&1 &
    pid=$!
    children+=("$pid QUIT")
    if wait_for_log "$pid" "$log" 'ready to accept connections'; then
      export "${prefix}DATABASE_URL=postgres://postgres@127.0.0.1:$port/postgres"
      return 0
    fi
  done
  cat "$log" >&2
  return 1
}

# Starts Redis.
start_redis() { # PREFIX
  local prefix="$1" attempt port pid log="$work/redis.log"
  mkdir "$work/redis"
  for ((attempt = 0; attempt < 5; attempt++)); do
    port="$(free_port)"
    redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work/redis" >"$log" 2>&1 &
    pid=$!
    children+=("$pid TERM")
    if wait_for_log "$pid" "$log" 'Ready to accept connections'; then
      export "${prefix}REDIS_URL=redis://127.0.0.1:$port"
      return 0
    fi
  done
  cat "$log" >&2
  return 1
}
