#!/bin/bash
# Starts Centrifugo. The key of its HTTP API is "key": loadtest --target centrifugo --token key -u URL
. "$(dirname "$0")/common.sh"
if [ ! -x "$hubs/centrifugo" ]; then
  needs go "https://go.dev/dl"
  GOBIN=$hubs go install github.com/centrifugal/centrifugo/v6@latest >&2
fi
reserve_port
directory=$(mktemp -d)
cat >"$directory/config.json" <<JSON
{
  "http_server": {"address": "127.0.0.1", "port": "$port"},
  "log": {"level": "error"},
  "http_api": {"key": "key"},
  "client": {"allow_anonymous_connect_without_token": true, "allowed_origins": ["*"]},
  "channel": {"without_namespace": {"allow_subscribe_for_client": true, "allow_subscribe_for_anonymous": true}}
}
JSON
"$hubs/centrifugo" -c "$directory/config.json" >"$directory/log" 2>&1 &
pid=$!
wait_for "$port" "$pid" "$directory/log"
echo "url=ws://127.0.0.1:$port/connection/websocket pid=$pid"
