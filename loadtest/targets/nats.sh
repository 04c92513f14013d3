#!/bin/bash
# Starts NATS with WebSockets: loadtest --target nats -u URL
. "$(dirname "$0")/common.sh"
needs nats-server "apt-get install nats-server"
reserve_port
client_port=$port
reserve_port
directory=$(mktemp -d)
cat >"$directory/nats.conf" <<CONF
listen: "127.0.0.1:$client_port"
websocket { listen: "127.0.0.1:$port", no_tls: true }
CONF
nats-server -c "$directory/nats.conf" >"$directory/log" 2>&1 &
pid=$!
wait_for "$port" "$pid" "$directory/log"
echo "url=ws://127.0.0.1:$port/ pid=$pid"
