# For the scripts beside this one. Each starts a hub on a free port of this machine, in the background, and prints
# its address and its process:
#   url=ws://127.0.0.1:40123/… pid=4711
# Stop it with `kill PID`. What a hub needs is installed below target/hubs/, except for Debian's packages.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
hubs=${HUBS:-$here/../../target/hubs}
mkdir -p "$hubs"
hubs=$(cd "$hubs" && pwd)

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Waits until a port answers, at most 10 s. Usage: wait_for PORT PID LOG
wait_for() {
  for _ in $(seq 100); do
    if ! kill -0 "$2" 2>/dev/null; then
      cat "$3" >&2
      exit 1
    fi
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
      return
    fi
    sleep 0.1
  done
  kill "$2"
  echo "nothing listens on port $1" >&2
  exit 1
}

needs() {
  command -v "$1" >/dev/null || { echo "this needs $1: $2" >&2; exit 3; }
}
