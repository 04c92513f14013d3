#!/usr/bin/env bash
# Runs every check and test of the project. Works on a clean clone.
#
#   scripts/test.sh                 all steps, in order; stops at the first failure
#   scripts/test.sh rust            fmt clippy cargo doc
#   scripts/test.sh page readme     only these
#   scripts/test.sh help            lists the steps
#
# Needs a Rust toolchain. On Debian and Ubuntu it installs everything else that is
# missing: node, python3-venv, curl and Chromium with apt, the rest under target/ and in
# node_modules of tests/page and clients/js. Nothing is installed twice.
#
# The last line is "N passed, 0 failed", the sum over all suites that ran.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
cargo_deny_version=0.20.2

all=(fmt clippy cargo doc deny autobahn js page readme verify smoke)
rust=(fmt clippy cargo doc)

declare -A title=(
  [fmt]="format"
  [clippy]="clippy, warnings are errors"
  [cargo]="unit, integration and documentation tests"
  [doc]="API documentation, warnings are errors"
  [deny]="dependencies: bans, licenses, sources"
  [autobahn]="RFC 6455 conformance (Autobahn)"
  [js]="the JavaScript client, against the server and in headless Chromium"
  [page]="the page and a browser's EventSource in headless Chromium"
  [readme]="the README's curl examples"
  [verify]="the server under the load tester's correctness scenarios"
  [smoke]="1,000 sockets for 10 s"
)

passed=0
step=setup
log=$(mktemp)
server_pid=
stop_server() {
  [[ -z $server_pid ]] || { kill "$server_pid" && wait "$server_pid"; } 2>/dev/null || true
  server_pid=
}
finish() {
  local status=$?
  stop_server
  rm -f "$log"
  [[ $status -eq 0 ]] || echo "test.sh: step '$step' failed" >&2
}
trap finish EXIT
trap 'exit 130' INT TERM
die() { echo "test.sh: $step: $*" >&2; exit 1; }

# --- prerequisites of the steps ------------------------------------------------

# apt_install PACKAGE...
apt_install() {
  command -v apt-get >/dev/null || die "please install: $* (this machine has no apt)"
  local as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || die "please install: $* (apt needs root, and there is no sudo)"
    as_root=(sudo)
  fi
  echo "installing $*"
  export DEBIAN_FRONTEND=noninteractive
  if ! "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1; then
    "${as_root[@]}" apt-get update -qq >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "apt-get update failed"; }
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1 ||
      { tail -n 20 "$log" >&2; die "apt could not install $*"; }
  fi
}

need_python() {
  # Debian packages ensurepip, which venv needs, separately from python3.
  python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3 python3-venv
}

need_curl() {
  command -v curl >/dev/null || apt_install curl ca-certificates
}

# need_browser_tools FOLDER: installs Chromium, Node, and the packages in FOLDER's lock file.
need_browser_tools() {
  if [[ -z ${CHROMIUM:-} ]]; then
    for name in chromium chromium-browser google-chrome; do
      CHROMIUM=$(command -v "$name") && break
    done
    if [[ -z $CHROMIUM ]]; then
      apt_install chromium
      CHROMIUM=$(command -v chromium)
    fi
  fi
  export CHROMIUM
  command -v node >/dev/null && command -v npm >/dev/null || apt_install nodejs npm
  local major
  major=$(node -p 'process.versions.node.split(".")[0]')
  [[ $major -ge 20 ]] || die "node 20 or newer is needed, this is $(node --version)"
  if [[ $1/package-lock.json -nt $1/node_modules/.package-lock.json ]]; then
    echo "installing the node packages of $1"
    (cd "$1" && npm ci --no-audit --no-fund --loglevel=error) >"$log" 2>&1 ||
      { tail -n 20 "$log" >&2; die "npm ci failed"; }
    touch "$1/node_modules/.package-lock.json"
  fi
}

need_cargo_deny() {
  PATH=$target/tools/bin:$PATH
  if ! command -v cargo-deny >/dev/null; then
    # A debug build takes a quarter of the time, and the check takes a second either way.
    echo "installing cargo-deny (about a minute and a half, once)"
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$target/tools/build \
      cargo install --quiet --locked --debug --root "$target/tools" "cargo-deny@$cargo_deny_version"
    rm -rf "$target/tools/build"
  fi
}

need_server() {
  if [[ -z ${SERVER_BIN:-} ]]; then
    cargo build --release --bin wavecast
    export SERVER_BIN=$target/release/wavecast
  fi
}

# start_server FLAG... : starts the server on a free port; sets $server_addr. Ended by stop_server.
start_server() {
  need_server
  local out
  out=$(mktemp)
  "$SERVER_BIN" --listen 127.0.0.1:0 "$@" >"$out" 2>&1 &
  server_pid=$!
  server_addr=
  for _ in {1..100}; do
    server_addr=$(sed -nE 's/.*[^0-9](127\.0\.0\.1:[0-9]+).*/\1/p' "$out" | head -n 1)
    [[ -z $server_addr ]] || break
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.1
  done
  [[ -n $server_addr ]] || { cat "$out" >&2; rm -f "$out"; die "the server did not start"; }
  rm -f "$out"
}

# loadtest SCENARIO FLAG... : runs a scenario against that server. Every assertion counts as a test. Exit code 98 means
# that the machine was too slow for the latencies to be trusted, and that nothing else failed. That is not the server's
# fault, so it is printed and passes.
loadtest() {
  [[ -n ${LOADTEST_BIN:-} ]] || {
    cargo build --release -p loadtest --bin loadtest
    export LOADTEST_BIN=$target/release/loadtest
  }
  local scenario=$1 status=0
  shift
  timeout --kill-after=10 300 "$LOADTEST_BIN" run "$scenario" --no-tui \
    -u "ws://$server_addr/ws" --server-pid "$server_pid" "$@" 2>&1 | tee "$log" || status=$?
  stop_server
  case $status in
    0) ;;
    98) echo "loadtest $scenario: the load tester could not keep up on this machine, so its latencies cannot be trusted" ;;
    *) die "loadtest run $scenario ended with $status" ;;
  esac
  local checks
  checks=$(grep -c '^  ok    ' "$log") || die "no assertion was judged"
  passed=$((passed + checks))
}

# --- the steps -----------------------------------------------------------------

# count SED_SCRIPT: adds the numbers that the script extracts from the suite's output to the total.
count() {
  local n found=0
  while read -r n; do
    passed=$((passed + n))
    found=$((found + n))
  done < <(sed -nE "$1" "$log")
  [[ $found -gt 0 ]] || die "no test ran"
}

run_fmt() { cargo fmt --all --check; }

run_clippy() {
  cargo clippy --workspace --all-targets -- -D warnings
  # As applications build the library: only a private engine reveals dead code.
  local features
  for features in "" --no-default-features "--no-default-features --features internals" --all-features; do
    # shellcheck disable=SC2086 # none, one or three words
    cargo clippy -p wavecast --lib $features -- -D warnings
  done
}

run_cargo() {
  cargo test --workspace --no-run
  # Everything is already built, so the deadline covers only the tests.
  timeout --kill-after=10 900 cargo test --workspace 2>&1 | tee "$log" ||
    die "tests failed (or took longer than 15 minutes)"
  count 's/^test result: [^.]*ok[^.]*\. ([0-9]+) passed.*/\1/p'   # colors or not
}

run_doc() {
  local -x RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings"
  cargo doc --no-deps --workspace --all-features
  # Last, so that target/doc holds the documentation for developers of applications.
  cargo doc --no-deps --workspace
}

run_deny() {
  need_cargo_deny
  cargo deny --all-features check --hide-inclusion-graph bans licenses sources
}

run_autobahn() {
  need_python
  scripts/autobahn.sh 2>&1 | tee "$log" || die "the conformance suite failed"
  count 's/^autobahn: ([0-9]+) passed, 0 failed$/\1/p'
}

# node_suite FOLDER FILE...: runs the test files with node's test runner.
node_suite() {
  need_browser_tools "$1"
  need_server
  [[ $1 != clients/js ]] || (cd "$1" && node scripts/build.mjs)
  (cd "$1" && NO_COLOR=1 FORCE_COLOR=0 timeout --kill-after=10 600 node --test --test-reporter=spec "${@:2}") 2>&1 |
    tee "$log" || die "tests failed (or took longer than 10 minutes)"
  count 's/^[^a-z]*pass ([0-9]+)$/\1/p'
}

run_js() {
  local files=(clients/js/test/*.test.mjs)
  node_suite clients/js "${files[@]#clients/js/}"
}

run_page() { node_suite tests/page page.test.mjs events.test.mjs; }

run_readme() {
  need_python
  need_curl
  need_server
  timeout --kill-after=10 300 python3 scripts/readme_examples.py 2>&1 | tee "$log" || die "an example failed"
  count 's/^readme: ([0-9]+) passed, 0 failed$/\1/p'
}

run_verify() {
  start_server --ping-interval 1s --pong-timeout 3s --history 100000
  loadtest verify --ping-interval 1s --pong-timeout 3s --drain 20s --connect-timeout 30s
}

# Latencies are not asserted: on a slow machine, publishing may take longer than it should.
run_smoke() {
  start_server
  loadtest smoke -d 10s -r 50/s --drain 20s --connect-timeout 30s
}

# --- run -------------------------------------------------------------------------

steps=()
for name in "$@"; do
  case $name in
    all) steps+=("${all[@]}") ;;
    rust) steps+=("${rust[@]}") ;;
    help | -h | --help)
      for name in "${all[@]}"; do printf '%-9s %s\n' "$name" "${title[$name]}"; done
      printf '%-9s %s\n' rust "${rust[*]}"
      exit 0
      ;;
    *)
      [[ -n ${title[$name]:-} ]] || die "unknown step '$name'; the steps are: ${all[*]} rust"
      steps+=("$name")
      ;;
  esac
done
[[ ${#steps[@]} -gt 0 ]] || steps=("${all[@]}")

for step in "${steps[@]}"; do
  printf '\n==> %s: %s\n' "$step" "${title[$step]}"
  started=$SECONDS
  "run_$step"
  printf '    %s: ok, %s s\n' "$step" $((SECONDS - started))
done
printf '\n%s passed, 0 failed\n' "$passed"
