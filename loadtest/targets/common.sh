# For the scripts beside this one. Each starts a hub on a free port of this machine, in the background, and prints
# its address and its process:
#   url=ws://127.0.0.1:40123/… pid=4711
# Stop it with `kill PID`. What a hub needs is installed below target/hubs/, except for Debian's packages.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
hubs=${HUBS:-$here/../../target/hubs}
mkdir -p "$hubs"
hubs=$(cd "$hubs" && pwd)

# Sets $port to a free port that nobody else is given before this script ends. Until then, a process of its own keeps
# it bound without listening on it. The system gives such a port to nobody who asks for any port, but the hub, which
# names it and sets SO_REUSEADDR as servers do, can listen on it.
reserve_port() {
  local holder
  read -r port holder < <(exec python3 -c '
import os, socket, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1], os.getpid(), flush=True)
time.sleep(30)  # longer than this script takes
')
  holders="$holders $holder"
}
holders=
trap 'for holder in $holders; do kill "$holder" 2>/dev/null || true; done' EXIT

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
