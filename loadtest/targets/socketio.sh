#!/bin/bash
# Starts a socket.io server with rooms: loadtest --target socketio -u URL
. "$(dirname "$0")/common.sh"
needs node "https://nodejs.org"
[ -d "$hubs/node_modules/socket.io" ] || npm install --silent --no-audit --no-fund --prefix "$hubs" socket.io >&2
reserve_port
directory=$(mktemp -d)
cat >"$directory/hub.cjs" <<'JS'
const { createServer } = require('node:http');
const { Server } = require(process.env.HUBS + '/node_modules/socket.io');
const http = createServer();
const io = new Server(http, { transports: ['websocket'] });
io.on('connection', (client) => {
  client.on('subscribe', (channel, done) => { client.join(channel); done('ok'); });
  client.on('publish', (channel, data, done) => { client.to(channel).emit('event', channel, data); done('ok'); });
});
http.listen(Number(process.argv[2]), '127.0.0.1');
JS
HUBS=$hubs node "$directory/hub.cjs" "$port" >"$directory/log" 2>&1 &
pid=$!
wait_for "$port" "$pid" "$directory/log"
echo "url=ws://127.0.0.1:$port/socket.io/?EIO=4&transport=websocket pid=$pid"
