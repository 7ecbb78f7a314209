#!/usr/bin/env bash
# leasebox, one verb for each thing a person does:
#
#   ./run.sh               the main job: a server, four client.py at once until the list
#                          is drained, and the proof that no number came twice
#   ./run.sh race          the same four clients on a server that draws without the lock,
#                          and the numbers that came twice
#   ./run.sh course        the main job with a client that behaves as the course's own does,
#                          on a server with --course
#   ./run.sh grade-folder DIR [ARGS]   grade each submission in DIR; see grades/index.html
#   ./run.sh hand-in ID    ID.zip: examples/homework.rs as ID.rs, and what builds and starts it
#   ./run.sh serve [ARGS]  serve on all interfaces, for grading on another machine
#   ./run.sh test          everything CI checks
#   ./run.sh bench         the benchmarks, about 7 minutes
#   ./run.sh soak          the long runs, about 2 hours
#
# Needs cargo and python3 3.8 or later. Exit 0 only if all is well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

LEASEBOX=target/release/leasebox
CLIENTS=4
BATCHES=(1 10 100 1000) # numbers a request, one for each client

say() { printf '%s\n' "$*" >&2; }
fail() { say "run.sh: $*"; exit 1; }

need_cargo() {
    local want have
    want=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    command -v cargo >/dev/null ||
        fail "cargo was not found; install Rust $want or later from https://rustup.rs"
    have=$(cargo --version | awk '{print $2}')
    [ "$(printf '%s\n%s\n' "$want" "${have%%-*}" | sort -V | head -n 1)" = "$want" ] ||
        fail "cargo $have is too old, $want is needed; update it with: rustup update stable"
}

need_python() {
    command -v python3 >/dev/null ||
        fail "python3 was not found; install Python 3.8 or later"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' ||
        fail "$(python3 --version) is too old, 3.8 is needed; install a later one"
}

# As many sockets as this account may have at all.
raise_limit() { ulimit -n "$(ulimit -Hn)" 2>/dev/null || true; }

build() {
    need_cargo
    [ -x "$LEASEBOX" ] || say "building leasebox; the first time takes a minute or two"
    cargo build --release --quiet || fail "the build failed; its messages stand above"
}

# --- the main job --------------------------------------------------------------------

cleanup() {
    local status=$?
    trap - EXIT
    [ -z "${SERVER:-}" ] || kill "$SERVER" 2>/dev/null || true
    [ -z "${DRAWING:-}" ] || kill "${DRAWING[@]}" 2>/dev/null || true
    [ -z "${WORK:-}" ] || rm -rf "$WORK"
    exit "$status"
}

ask() { "$LEASEBOX" client 127.0.0.1 "$PORT" "$@"; }
figure() { ask stats | tr ' ' '\n' | sed -n "s/^$1=//p"; }

start_server() {
    # Not the address of a server before: the new one empties the file a moment later.
    : >"$WORK/address"
    "$LEASEBOX" serve --port 0 "$@" >"$WORK/address" 2>"$WORK/log" &
    SERVER=$!
    for _ in $(seq 100); do
        PORT=$(sed -n 's/^leasebox listening on .*:\([0-9]*\)$/\1/p' "$WORK/address")
        [ -z "$PORT" ] || return 0
        kill -0 "$SERVER" 2>/dev/null || break
        sleep 0.05
    done
    cat "$WORK/log" >&2
    fail "the server did not start; its log stands above"
}

# Each client waits at the gate for the others, then draws until nothing is left.
start_clients() {
    rm -f out-*.txt "$WORK/gate"
    mkfifo "$WORK/gate"
    DRAWING=()
    for client in $(seq "$CLIENTS"); do
        { read -r _ && yes "draw ${BATCHES[client - 1]}" 2>/dev/null; } <"$WORK/gate" |
            python3 client_py/client.py 127.0.0.1 "$PORT" --until-exhausted \
                >"out-$client.txt" 2>"$WORK/client-$client" &
        DRAWING+=($!)
    done
    exec 9<>"$WORK/gate"
    # The one that asks is a client too.
    for _ in $(seq 200); do
        connected=$(figure clients)
        [ "${connected:-0}" -le "$CLIENTS" ] || return 0
        sleep 0.05
    done
    fail "the clients did not connect; python3 client_py/client.py may say why"
}

open_gate() { for _ in $(seq "$CLIENTS"); do echo >&9; done; }

wait_for_clients() {
    local still=1 pid client
    while [ "$still" = 1 ] && [ -t 1 ]; do
        still=0
        for pid in "${DRAWING[@]}"; do if kill -0 "$pid" 2>/dev/null; then still=1; fi; done
        printf '\r%s drawn ' "$(figure drawn)"
        sleep 0.1
    done
    [ ! -t 1 ] || printf '\r%20s\r' ''
    for client in $(seq "$CLIENTS"); do
        # yes(1) ends by SIGPIPE when its client is done, so the file says how it went.
        wait "${DRAWING[client - 1]}" || true
        grep -q '^error exhausted' "$WORK/client-$client" || {
            cat "$WORK/client-$client" >&2
            fail "client $client did not drain the list; what it said stands above"
        }
    done
    DRAWING=()
}

# A server of these arguments, and four clients that drain its list.
drain() {
    start_server "$@"
    start_clients
    open_gate
    wait_for_clients
}

stop_server() {
    kill "$SERVER"
    wait "$SERVER" || fail "the server did not stop cleanly: exit $?"
    SERVER=
}

prepare() {
    need_cargo
    need_python
    build
    WORK=$(mktemp -d)
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    raise_limit
}

# The course's own client sends no line end, and prints each message as one line.
course() {
    prepare
    start_server --course
    rm -f out-*.txt
    DRAWING=()
    for client in $(seq "$CLIENTS"); do
        echo "draw 100000" | python3 tests/course/client.py 127.0.0.1 "$PORT" >"out-$client.txt" &
        DRAWING+=($!)
    done
    for client in "${DRAWING[@]}"; do
        wait "$client" || fail "a client did not end well; its message stands above"
    done
    DRAWING=()
    echo "The first draws of each client, one number a message:"
    echo
    ask table 3 each
    echo
    stop_server
    "$LEASEBOX" check --drained out-*.txt
}

main_job() {
    prepare
    drain
    echo "The first draws of each client (for out-1.txt to out-$CLIENTS.txt ${BATCHES[*]} numbers a request):"
    echo
    ask table 3 each
    echo
    stop_server
    "$LEASEBOX" check --drained out-*.txt
}

# --- the race ------------------------------------------------------------------------

race() {
    prepare
    echo "With the lock, taken for each number (serve --lock number), where the thread changes most:"
    echo
    drain --lock number --numbers 20000
    ask table 9 busiest
    stop_server
    "$LEASEBOX" check --max 20000 --drained out-*.txt ||
        fail "a number came twice under the lock; that must not be"
    echo
    echo "Without the lock (serve --no-lock --race-window 200us), around the first number that came twice:"
    echo
    drain --no-lock --race-window 200us --numbers 2000
    ask table 9 twice
    stop_server
    local found=0
    "$LEASEBOX" check --max 2000 out-*.txt || found=$?
    # 1 says that it found what this verb is there to show.
    [ "$found" = 1 ] || fail "no number came twice; try again on a machine that is less busy"
}

# --- the other verbs -----------------------------------------------------------------

# Runs one suite, and adds its tests to PASSED; what it skipped is said at the end, once.
suite() {
    local name=$1 status=0
    shift
    say "--- $name"
    "$@" 2>&1 | tee "$WORK/suite" | grep --line-buffered -v '^skipped: ' || status=${PIPESTATUS[0]}
    grep -h '^skipped: ' "$WORK/suite" >>"$WORK/skipped" || true
    [ "$status" = 0 ] || FAILED+=("$name")
    PASSED=$((PASSED + $(awk '/^test result: /{n += $4} /^Ran [0-9]+ test/{n += $2} END{print n + 0}' "$WORK/suite")))
    SUITES=$((SUITES + 1))
}

test_all() {
    need_cargo
    need_python
    raise_limit
    WORK=$(mktemp -d)
    trap cleanup EXIT
    PASSED=0 SUITES=0 FAILED=()
    say "The build comes first: some minutes, if nothing was built yet."
    suite "format" cargo fmt --check
    suite "lints" cargo clippy --quiet --all-targets -- -D warnings
    # Most tests wait for sockets and clocks, so more of them run at once than there are cores.
    suite "the tests in Rust" env RUST_TEST_THREADS="${RUST_TEST_THREADS:-$(($(getconf _NPROCESSORS_ONLN) + 4))}" \
        cargo test --quiet --no-fail-fast
    suite "the pages of cargo doc" env RUSTDOCFLAGS='-D warnings' cargo doc --quiet --no-deps
    suite "client.py" python3 client_py/test_client.py
    suite "process.py" python3 client_py/test_process.py
    local python=python3
    # Where .ci/run, or you, have put the clients from PyPI.
    [ ! -x .venv/bin/python ] || python=.venv/bin/python
    suite "clients of others" "$python" tests/clients/test_clients.py
    suite "clients of Redis" "$python" tests/clients/test_redis_libraries.py
    suite "the live page" "$python" tests/clients/test_page.py
    suite "the grader's report" "$python" tests/clients/test_report.py
    suite "the lessons" "$python" tests/clients/test_lessons.py
    suite "a spreadsheet" "$python" tests/clients/test_spreadsheet.py
    suite "marshalling" "$python" tests/clients/test_marshal.py
    suite "each console block of the papers" "$python" tests/papers/test_papers.py
    if command -v shellcheck >/dev/null; then
        suite "the shell scripts" shellcheck run.sh .ci/run
    else
        echo "skipped: shellcheck is missing; apt-get install shellcheck" >>"$WORK/skipped"
    fi
    if [ -s "$WORK/skipped" ]; then
        say "--- skipped (.ci/run installs what is missing: Debian packages, and clients from PyPI and npm)"
        sort -u "$WORK/skipped" >&2
    fi
    [ "${#FAILED[@]}" = 0 ] || fail "FAILED: $(printf '%s, ' "${FAILED[@]}" | sed 's/, $//'); $PASSED tests ran in $SUITES suites"
    say "PASSED: $PASSED tests in $SUITES suites"
}

# --- to hand in ----------------------------------------------------------------------

# A cargo package cannot have a name that begins with a digit, as student ids do.
hand_in() {
    case "$1" in
    '' | *[!A-Za-z0-9_-]*) fail "give your id, of letters and digits: ./run.sh hand-in 0716001" ;;
    esac
    need_python
    python3 - "$1" <<'EOF'
import re, sys, zipfile
own = open("Cargo.toml").read()
edition, rand = (re.search(f'^{key} = "(.*)"$', own, re.M)[1] for key in ("edition", "rand"))
files = {
    f"{sys.argv[1]}.rs": open("examples/homework.rs").read(),
    "Cargo.toml": f'''[package]
name = "homework"
version = "0.1.0"
edition = "{edition}"

[[bin]]
name = "homework"
path = "{sys.argv[1]}.rs"

[dependencies]
rand = "{rand}"
''',
    "run.txt": "cargo build --release --quiet\ntarget/release/homework {port}\n",
}
with zipfile.ZipFile(f"{sys.argv[1]}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for name, text in files.items():
        archive.writestr(name, text)
EOF
    echo "$1.zip: $1.rs, Cargo.toml, and run.txt, which says how to build and start it"
}

case "${1:-}" in
'') main_job ;;
race) race ;;
course) course ;;
serve)
    shift
    need_python
    build
    raise_limit
    exec python3 client_py/serve.py "$LEASEBOX" "$@"
    ;;
grade-folder)
    shift
    [ $# -gt 0 ] || fail "give the folder of the submissions: ./run.sh grade-folder handed-in/"
    build
    raise_limit
    exec "$LEASEBOX" grade --folder "$@"
    ;;
hand-in) hand_in "${2:-}" ;;
test) test_all ;;
bench)
    need_cargo
    raise_limit
    cargo bench
    ;;
soak)
    need_cargo
    raise_limit
    cargo test --release --test soak --test soak_grader --test soak_figures --test attacks --test cooperative --test sessions -- --ignored --nocapture --test-threads 1
    ;;
-h | --help | help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" ;;
*) fail "there is no verb $1; try ./run.sh --help" ;;
esac
