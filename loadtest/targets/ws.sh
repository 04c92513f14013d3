#!/bin/bash
# Starts a plain hub with the ws package: loadtest --target ws -u URL
. "$(dirname "$0")/common.sh"
needs node "https://nodejs.org"
[ -d "$hubs/node_modules/ws" ] || npm install --silent --no-audit --no-fund --prefix "$hubs" ws >&2
reserve_port
directory=$(mktemp -d)
cat >"$directory/hub.cjs" <<'JS'
const { WebSocketServer, WebSocket } = require(process.env.HUBS + '/node_modules/ws');
const hub = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false });
hub.on('connection', (client) => {
  client.on('error', () => {});
  client.on('message', (data, isBinary) => {
    for (const other of hub.clients) {
      if (other !== client && other.readyState === WebSocket.OPEN) other.send(data, { binary: isBinary });
    }
  });
});
JS
HUBS=$hubs node "$directory/hub.cjs" "$port" >"$directory/log" 2>&1 &
pid=$!
wait_for "$port" "$pid" "$directory/log"
echo "url=ws://127.0.0.1:$port/ pid=$pid"
