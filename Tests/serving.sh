# Sourced by scripts that ask something of the real program: starts it on a free port with a
# directory of its own, and stops it by its pid.

top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034 # The scripts say how it is to be named.
binary=${BINARY_UNDER_TEST:-$top/.build/release/optimizerd}
work=$(mktemp -d)
server=

# What could not be checked ends with 2, which is neither good nor bad.
fail() {
    printf '%s: %s\n' "$(basename -- "$0")" "$*" >&2
    exit 2
}

finish() {
    if [[ -n "$server" ]]; then
        kill "$server" 2> /dev/null || true
        wait "$server" || true
    fi
    rm -rf "$work"
}
trap finish EXIT

# serve ARGUMENT… leaves the program's address in `address`.
serve() {
    [[ -x "$binary" ]] || fail "$binary is not built"
    "$binary" --port 0 --data-dir "$work/data" "$@" > "$work/out" 2> "$work/log" &
    server=$!
    for ((tries = 0; tries < 300; tries++)); do
        address=$(grep -oEm 1 'https?://127\.0\.0\.1:[0-9]+' "$work/out" || true)
        if [[ -n "$address" ]]; then return; fi
        kill -0 "$server" 2> /dev/null || fail "$binary has ended: $(cat "$work/log")"
        sleep 0.1
    done
    fail "$binary prints no address"
}

# Whatever was asked of it, it is still there, and it stops as it should; otherwise status 1.
stop_serving() {
    local ended=0
    kill -0 "$server" 2> /dev/null || { tail -n 20 "$work/log" >&2 && exit 1; }
    kill -TERM "$server"
    wait "$server" || ended=$?
    server=
    if ((ended != 0)); then
        printf 'the service ended with status %s\n' "$ended" >&2
        tail -n 20 "$work/log" >&2
        exit 1
    fi
}
