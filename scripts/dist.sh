#!/usr/bin/env bash
# Makes the files of a release, in target/dist/:
#
#   wavecast-VERSION-TARGET.tar.gz   the server, the load tester in loadtest/, documents, and deploy/
#   wavecast-VERSION.tgz             the JavaScript client, for npm
#   SHA256SUMS
#
# usage: scripts/dist.sh [TARGET...]    (default: this machine's own)
#
# Each archive that this machine can run is unpacked into an empty folder and tried. Needs what a build needs,
# and node for the client. Packing is reproducible: the same commit and the same binaries give the same archives.
#
#   DIST                       makes them in this folder
#   SERVER_BIN, LOADTEST_BIN   packs these programs for this machine's own target instead of building them
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
mkdir -p "${DIST:=$CARGO_TARGET_DIR/dist}"
dist=$(cd "$DIST" && pwd)
version=$(sed -nE '/^\[workspace.package\]/,/^\[/s/^version = "(.*)"/\1/p' Cargo.toml)
host=$(rustc -vV | sed -n 's/^host: //p')
commit_time=$(git log -1 --format=%ct 2>/dev/null || echo 0)
work=$(mktemp -d)
server_pid=
finish() {
  [[ -z $server_pid ]] || kill "$server_pid" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
die() { echo "dist.sh: $*" >&2; exit 1; }

# archive TARGET: builds for it, and packs what was built.
archive() {
  local target=$1 binaries=$CARGO_TARGET_DIR/$1/release flags=(--target "$1") name=wavecast-$version-$1
  local server= loadtest=
  if [[ $target == "$host" ]]; then
    # Without --target, what `cargo build --release` built before is used.
    binaries=$CARGO_TARGET_DIR/release flags=()
    server=${SERVER_BIN:-} loadtest=${LOADTEST_BIN:-}
  fi
  [[ -n $server && -n $loadtest ]] ||
    cargo build --release --locked "${flags[@]}" -p wavecast --bin wavecast -p loadtest --bin loadtest
  # The load tester is beside its documents, in a folder of the same name.
  install -D -m 755 "${server:-$binaries/wavecast}" "$work/$name/wavecast"
  install -D -m 755 "${loadtest:-$binaries/loadtest}" "$work/$name/loadtest/loadtest"
  "${STRIP:-strip}" "$work/$name/wavecast" "$work/$name/loadtest/loadtest"
  cp LICENSE README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md SECURITY.md "$work/$name/"
  cp -r docs deploy "$work/$name/"
  # What these documents link to.
  git archive HEAD clients/js examples loadtest/README.md loadtest/examples loadtest/targets | tar -x -C "$work/$name"
  chmod -R u=rwX,go=rX "$work/$name"
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$commit_time" -C "$work" -c "$name" |
    gzip -9n >"$dist/$name.tar.gz"
  rm -r "${work:?}/$name"
}

# try_archive TARGET: unpacks it into an empty folder, publishes an event, drains.
try_archive() {
  local name=wavecast-$version-$1 address folder=$work/tried
  mkdir "$folder"
  tar -C "$folder" -xzf "$dist/$name.tar.gz"
  cd "$folder/$name"
  [[ $(./wavecast --version) == "wavecast $version" ]] || die "$1: wavecast --version says $(./wavecast --version)"
  ./loadtest/loadtest --version >"$work/loadtest-version"
  ./wavecast config init >"$work/wavecast.toml"
  ./wavecast config check "$work/wavecast.toml"
  # Made here: it is read before the server's own process has opened it.
  : >"$work/out"
  ./wavecast --listen 127.0.0.1:0 >"$work/out" 2>&1 &
  server_pid=$!
  for _ in {1..200}; do
    address=$(sed -nE '/.*(http:\/\/127\.0\.0\.1:[0-9]+).*/{s//\1/p;q}' "$work/out")
    [[ -z $address ]] || break
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.05
  done
  [[ -n $address ]] || { cat "$work/out" >&2; die "$1: the server did not start"; }
  curl -sS --fail --max-time 10 "$address/api/events" -H 'Content-Type: application/json' \
    -d '{"channel":"dist","data":1}' >/dev/null || die "$1: the server did not take an event"
  kill "$server_pid"
  wait "$server_pid" || die "$1: the server ended with $?"
  server_pid=
  cd - >/dev/null
  rm -r "$folder"
}

rm -f "$dist"/*
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || targets=("$host")
for target in "${targets[@]}"; do
  archive "$target"
  case $target in
    "$host") try_archive "$target" ;;
    *) echo "dist.sh: $target is not this machine's own, so it was not tried" ;;
  esac
done
(cd clients/js && npm pack --silent --pack-destination "$dist" >/dev/null)
(cd "$dist" && sha256sum -- *.tar.gz *.tgz >SHA256SUMS && sha256sum --check --quiet SHA256SUMS)
cd "$dist"
ls -l --block-size=K -- * | awk '{ print $5, $9 }'
