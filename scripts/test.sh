#!/usr/bin/env bash
# Runs every check and test of the project. Works on a clean clone.
#
#   scripts/test.sh                 all steps, in order
#   scripts/test.sh rust            fmt clippy cargo doc
#   scripts/test.sh page readme     only these
#   scripts/test.sh help            lists the steps
#
# Needs a Rust toolchain. On Debian and Ubuntu it installs everything else that is
# missing: node, python3-venv, curl, Go, Chromium, nginx and Caddy with apt, the rest under
# target/ and in node_modules of tests/page and clients/js. Nothing is installed twice.
#
# A step that fails does not keep the others from running. At the end comes one line per
# step. The last line is "N passed, M failed", the sum over all suites that ran; a step
# that fails without a failed test counts as one. The exit code is 1 if anything failed.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
cargo_deny_version=0.20.2
# Most of it is for building on a slow machine; the tests have shorter deadlines of their own.
step_deadline_s=${STEP_DEADLINE_S:-3600}

declare -A title command
all=()
rust=(fmt clippy cargo doc)

# step NAME TITLE [COMMAND...]: adds a step. Without a command, it is the function run_NAME.
step() {
  all+=("$1")
  title[$1]=$2
  command[$1]=${*:3}
  [[ -n ${command[$1]} ]] || command[$1]=run_$1
}
step fmt "format"
step clippy "clippy, warnings are errors"
step cargo "unit, integration and documentation tests"
step doc "API documentation, warnings are errors"
step deny "dependencies: bans, licenses, sources"
step autobahn "RFC 6455 conformance (Autobahn)"
step js "the JavaScript client, against the server and in headless Chromium"
step page "the page and a browser's EventSource in headless Chromium"
step readme "the examples of the README and of docs/AUTH.md" run_script scripts/readme_examples.py
step proxies "behind nginx, Caddy and HAProxy, and the systemd unit" run_script scripts/proxies.py
step dist "the archives of a release"
step verify "the server under the load tester's correctness scenarios"
step smoke "1,000 sockets for 10 s"
step rights "1,000 users: refreshes, revocations, tokens that expire, presence"

# --- processes -------------------------------------------------------------------

current=setup
work=$(mktemp -d)
log=$work/log
step_pid=
server_pid=
die() { echo "test.sh: $current: $*" >&2; exit 1; }

# is_running PID: whether the process exists and is not a zombie.
is_running() {
  if [[ -r /proc/self/status ]]; then
    grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"
  else
    kill -0 "$1" 2>/dev/null
  fi
}

# with_descendants PID: the process, and those that it started.
with_descendants() {
  local child children
  children=$(cat "/proc/$1/task/"*/children 2>/dev/null || pgrep -P "$1" || true)
  echo "$1"
  for child in $children; do with_descendants "$child"; done
}

# end_process PID: ends the process and those that it started, at the latest after 20 s.
end_process() {
  local pid pids left
  mapfile -t pids < <(with_descendants "$1")
  kill "${pids[@]}" 2>/dev/null || true
  for _ in {1..200}; do
    left=()
    for pid in "${pids[@]}"; do ! is_running "$pid" || left+=("$pid"); done
    [[ ${#left[@]} -gt 0 ]] || break
    sleep 0.1
  done
  kill -9 "${left[@]}" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

stop_server() {
  [[ -z $server_pid ]] || end_process "$server_pid"
  server_pid=
}

finish() {
  [[ -z $step_pid ]] || end_process "$step_pid"
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

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

# need_node FOLDER: installs Node, and the packages in FOLDER's lock file.
need_node() {
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

need_chromium() {
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

# Both at once, because each alone would build their common dependencies with other features.
need_release_binaries() {
  if [[ -z ${SERVER_BIN:-} || -z ${LOADTEST_BIN:-} ]]; then
    cargo build --release --package wavecast --bin wavecast --package loadtest --bin loadtest
    export SERVER_BIN=${SERVER_BIN:-$target/release/wavecast}
    export LOADTEST_BIN=${LOADTEST_BIN:-$target/release/loadtest}
  fi
}

need_server() {
  [[ -n ${SERVER_BIN:-} ]] || need_release_binaries
}

# start_server FLAG... : starts the server on a free port; sets $server_addr. Ended by stop_server.
start_server() {
  need_server
  local out=$work/server
  # Made here: it is read before the server's own process has opened it.
  : >"$out"
  "$SERVER_BIN" --listen 127.0.0.1:0 "$@" >"$out" 2>&1 &
  server_pid=$!
  server_addr=
  for _ in {1..100}; do
    server_addr=$(sed -nE '/(^|.*[^0-9])(127\.0\.0\.1:[0-9]+).*/{s//\2/p;q}' "$out")
    [[ -z $server_addr ]] || return 0
    is_running "$server_pid" || break
    sleep 0.1
  done
  cat "$out" >&2
  die "the server ended before it listened, or did not listen within 10 s"
}

# loadtest SCENARIO FLAG... : runs a scenario against that server. Every assertion counts as a test. Exit code 98 means
# that the machine was too slow for the latencies to be trusted, and that nothing else failed. That is not the server's
# fault, so it is printed and passes.
loadtest() {
  local scenario=$1 status=0
  shift
  timeout --kill-after=10 300 "$LOADTEST_BIN" run "$scenario" --no-tui \
    -u "ws://$server_addr/ws" --server-pid "$server_pid" "$@" 2>&1 | tee "$log" || status=$?
  stop_server
  count 's/^  ok    .*/1/p' 's/^  FAIL  .*/1/p'
  case $status in
    0) ;;
    98) echo "loadtest $scenario: the load tester could not keep up on this machine, so its latencies cannot be trusted" ;;
    124 | 137) die "loadtest run $scenario did not end within 300 s" ;;
    *) die "loadtest run $scenario ended with $status" ;;
  esac
}

# --- the steps -----------------------------------------------------------------

# count PASSED FAILED: records what the two sed scripts extract from the suite's output, the
# numbers of tests that passed and failed.
count() {
  local n passed=0 failed=0
  while read -r n; do passed=$((passed + n)); done < <(sed -nE "$1" "$log")
  while read -r n; do failed=$((failed + n)); done < <(sed -nE "$2" "$log")
  echo "$passed $failed" >>"$work/$current.counts"
  [[ $((passed + failed)) -gt 0 ]] || die "no test ran"
}

# suite SECONDS COMMAND...: runs tests, with a deadline for all of them together. Sets $suite_status.
suite() {
  suite_status=0
  timeout --kill-after=10 "$@" 2>&1 | tee "$log" || suite_status=$?
  if [[ $suite_status -eq 124 || $suite_status -eq 137 ]]; then
    echo "test.sh: $current: not finished within $1 s" >&2
  fi
}

# run_script FILE: runs a script whose last line is "NAME: N passed, M failed".
run_script() {
  need_python
  need_curl
  need_server
  suite 900 "$1"
  count 's/^[a-z_-]+: ([0-9]+) passed, [0-9]+ failed$/\1/p' 's/^[a-z_-]+: [0-9]+ passed, ([0-9]+) failed$/\1/p'
  return "$suite_status"
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
  # Everything is already built, so the deadline covers only the tests. Colors or not.
  suite 900 cargo test --workspace --no-fail-fast
  count 's/^test result: [^.]*\. ([0-9]+) passed.*/\1/p' 's/^test result: [^.]*\. [0-9]+ passed; ([0-9]+) failed.*/\1/p'
  return "$suite_status"
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
  suite 1800 scripts/autobahn.sh
  count 's/^autobahn: ([0-9]+) passed.*/\1/p' 's/^autobahn: [0-9]+ passed, ([0-9]+) failed$/\1/p'
  return "$suite_status"
}

# node_suite FOLDER FILE...: runs the test files with node's test runner.
node_suite() {
  need_chromium
  need_node "$1"
  need_server
  [[ $1 != clients/js ]] || (cd "$1" && node scripts/build.mjs)
  cd "$1"
  # They mostly wait, so more of them at once than there are cores.
  local concurrency=(--test-concurrency=4)
  node "${concurrency[@]}" --version >/dev/null 2>&1 || concurrency=()   # before 20.10
  NO_COLOR=1 FORCE_COLOR=0 suite 600 node --test "${concurrency[@]}" --test-reporter=spec "${@:2}"
  count 's/^[^a-z]*pass ([0-9]+)$/\1/p' 's/^[^a-z]*(fail|cancelled) ([0-9]+)$/\2/p'
  return "$suite_status"
}

run_js() {
  local files=(clients/js/test/*.test.mjs)
  node_suite clients/js "${files[@]#clients/js/}"
}

run_page() { node_suite tests/page page.test.mjs events.test.mjs; }

# dist.sh tries the archive of this machine's target itself.
run_dist() {
  need_curl
  need_node clients/js
  need_release_binaries
  local made=$work/dist names version host
  DIST=$made scripts/dist.sh
  version=$("$SERVER_BIN" --version)
  version=${version#wavecast }
  host=$(rustc -vV | sed -n 's/^host: //p')
  names=$(cd "$made" && LC_ALL=C && printf '%s ' *)
  [[ $names == "SHA256SUMS wavecast-$version-$host.tar.gz wavecast-$version.tgz " ]] || die "these were made: $names"
  (cd "$made" && sha256sum --check --strict SHA256SUMS)
  [[ $(wc -l <"$made/SHA256SUMS") -eq 2 ]] || die "SHA256SUMS does not list every archive"
}

run_verify() {
  need_release_binaries
  start_server --ping-interval 1s --pong-timeout 3s --history 100000
  loadtest verify --ping-interval 1s --pong-timeout 3s --drain 20s --connect-timeout 30s
}

# Latencies are not asserted: on a slow machine, publishing may take longer than it should.
run_smoke() {
  need_release_binaries
  start_server
  loadtest smoke -d 10s -r 50/s --drain 20s --connect-timeout 30s
}

run_rights() {
  need_release_binaries
  echo 'a secret of at least thirty-two bytes' >"$work/token.secret"
  cat >"$work/rights.toml" <<EOF
[tokens]
leeway = "1s"
expiry_warning = "8s"
[[tokens.keys]]
algorithm = "HS256"
secret_file = "$work/token.secret"
[[channels]]
pattern = "lt.*"
presence = { linger = "1s", interval = "500ms" }
EOF
  start_server --config "$work/rights.toml"
  loadtest auth -c 1000 --token-secret-file "$work/token.secret" --leeway 1s --expiry-warning 8s --token-life 14s \
    --drain 20s --connect-timeout 30s
  start_server --config "$work/rights.toml"
  loadtest presence -c 1000 --token-secret-file "$work/token.secret" --linger 1s --connect-timeout 30s
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

# Runs the current step in a process of its own, and sets $result. Not to be called in a
# condition: there, bash ignores `set -e` in all that it calls.
run_step() {
  # With job control, so that the step is not started with SIGINT ignored.
  set -m
  # shellcheck disable=SC2086 # a function and its arguments
  (
    set +m
    trap stop_server EXIT
    ${command[$current]}
  ) </dev/null &
  step_pid=$!
  set +m
  local deadline=$((SECONDS + step_deadline_s))
  while is_running "$step_pid" && [[ $SECONDS -lt $deadline ]]; do sleep 0.2; done
  result=ok
  if is_running "$step_pid"; then
    echo "test.sh: $current: not finished within $step_deadline_s s" >&2
    end_process "$step_pid"
    result=FAILED
  else
    wait "$step_pid" || result=FAILED
  fi
  step_pid=
}

printf -v table '\n%-9s %-7s %7s %7s %8s\n' step result passed failed seconds
total_passed=0
total_failed=0
for current in "${steps[@]}"; do
  printf '\n==> %s: %s\n' "$current" "${title[$current]}"
  began=$SECONDS
  rm -f "$work/$current.counts"
  run_step
  took=$((SECONDS - began)) passed=0 failed=0
  if [[ -f $work/$current.counts ]]; then
    while read -r p f; do passed=$((passed + p)) failed=$((failed + f)); done <"$work/$current.counts"
  fi
  [[ $failed -eq 0 ]] || result=FAILED
  [[ $result == ok || $failed -gt 0 ]] || failed=1
  total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed))
  printf -v line '%-9s %-7s %7s %7s %8s\n' "$current" "$result" "$passed" "$failed" "$took"
  table+=$line
  printf '    %s: %s, %s s\n' "$current" "$result" "$took"
done
printf '%s' "$table"
printf '\n%s tests ran in %s s\n' $((total_passed + total_failed)) "$SECONDS"
printf '%s passed, %s failed\n' "$total_passed" "$total_failed"
[[ $total_failed -eq 0 ]]
