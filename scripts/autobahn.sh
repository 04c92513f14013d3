#!/usr/bin/env bash
# Runs the Autobahn WebSocket conformance cases 1-7, 9 and 10 against the echo
# example, which uses the product's own handshake, codec and connection loop.
# It is built as the tests are, because a release build of the examples takes minutes.
#
#   scripts/autobahn.sh                 all cases
#   scripts/autobahn.sh '6.4.*' 7.1.5   only these
#
#   WAVECAST_ECHO_ADDR=127.0.0.1:9001   test an echo server that is already running
#
# The suite is the PyPI package `kosoku` (Autobahn's case files under Python 3),
# in a virtual environment under target/. Cases 12 and 13 test compression and are
# skipped until the server negotiates it.
#
# Passes if all expected cases ran, none is FAILED or NON-STRICT, and only
# 7.1.6 and 7.13.* are INFORMATIONAL. The HTML report stays in target/autobahn/.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
venv=$target/autobahn-venv
report=$target/autobahn
suite_deadline_s=${AUTOBAHN_DEADLINE_S:-600}
kosoku_version=0.1.0

die() { echo "autobahn: $*" >&2; exit 1; }

# --- the suite ---------------------------------------------------------------
has_version() {
  "$venv/bin/python" -c "import importlib.metadata as m; assert m.version('kosoku') == '$kosoku_version'"
}
# Its programs name the interpreter by its path, and do not run once the folder has moved.
if ! { has_version && "$venv/bin/kosoku" --help; } >/dev/null 2>&1; then
  rm -rf "$venv"
  python3 -m venv "$venv" || die "python3 with the venv module is needed (Debian: apt install python3-venv)"
  timeout 300 "$venv/bin/pip" install --quiet --disable-pip-version-check "kosoku==$kosoku_version" ||
    die "pip could not install kosoku $kosoku_version within 300 s"
fi

# --- the server under test ---------------------------------------------------
work=$(mktemp -d)
echo_pid=
stop() {
  if [[ -n $echo_pid ]]; then
    kill "$echo_pid" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "$echo_pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$echo_pid" 2>/dev/null || true
    wait "$echo_pid" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

if [[ -n ${WAVECAST_ECHO_ADDR:-} ]]; then
  addr=$WAVECAST_ECHO_ADDR
else
  # Of the workspace, so that it has the features with which the tests were built.
  cargo build --quiet --workspace --example echo
  # Made here: it is read before the example's own process has opened it.
  : >"$work/stdout"
  "$target/debug/examples/echo" --listen 127.0.0.1:0 >"$work/stdout" 2>"$work/stderr" &
  echo_pid=$!
  addr=
  for _ in $(seq 100); do
    addr=$(sed -n '/^listening on \(.*\)$/{s//\1/p;q}' "$work/stdout")
    [[ -n $addr ]] && break
    kill -0 "$echo_pid" 2>/dev/null || { cat "$work/stderr" >&2; die "the echo example exited before it listened"; }
    sleep 0.1
  done
  [[ -n $addr ]] || die "the echo example did not print its address within 10 s"
fi

# --- run ---------------------------------------------------------------------
rm -rf "$report"
mkdir -p "$report"
select=(-x '12.*' -x '13.*')
expect=all
if [[ $# -gt 0 ]]; then
  select=()
  for case in "$@"; do select+=(-i "$case"); done
  expect=some
fi

# The runner's exit code does not reflect NON-STRICT results, so the report decides.
status=0
timeout --kill-after=10 "$suite_deadline_s" \
  "$venv/bin/kosoku" "${select[@]}" -o "$report" "$addr" >"$work/kosoku" 2>&1 || status=$?
[[ $status -ne 124 && $status -ne 137 ]] || die "the suite did not finish within $suite_deadline_s s"
[[ -f $report/index.json ]] || { tail -n 20 "$work/kosoku" >&2; die "the suite wrote no report"; }
if [[ -n $echo_pid ]] && ! kill -0 "$echo_pid" 2>/dev/null; then
  tail -n 20 "$work/stderr" >&2
  die "the echo example exited during the suite"
fi

"$venv/bin/python" scripts/autobahn_gate.py "$report/index.json" "$expect"
