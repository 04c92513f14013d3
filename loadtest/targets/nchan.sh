#!/bin/bash
# Starts nginx with nchan and one worker process: loadtest --target nchan -u URL --server-pid PID
. "$(dirname "$0")/common.sh"
needs nginx "apt-get install nginx libnginx-mod-nchan"
module=/usr/lib/nginx/modules/ngx_nchan_module.so
[ -f "$module" ] || { echo "this needs nchan: apt-get install libnginx-mod-nchan" >&2; exit 3; }
reserve_port
directory=$(mktemp -d)
cat >"$directory/nginx.conf" <<CONF
load_module $module;
daemon off;
master_process off;
pid $directory/pid;
error_log $directory/log warn;
worker_rlimit_nofile 65536;
events { worker_connections 60000; }
http {
  access_log off;
  client_body_temp_path $directory/body;
  proxy_temp_path $directory/proxy;
  fastcgi_temp_path $directory/fastcgi;
  uwsgi_temp_path $directory/uwsgi;
  scgi_temp_path $directory/scgi;
  keepalive_requests 1000000;
  server {
    listen 127.0.0.1:$port;
    location = /sub {
      nchan_subscriber websocket;
      nchan_subscriber_first_message newest;
      nchan_channel_id \$arg_id;
    }
    location = /pub {
      nchan_publisher;
      nchan_channel_id \$arg_id;
      nchan_store_messages off;
    }
  }
}
CONF
nginx -c "$directory/nginx.conf" -p "$directory" >"$directory/log" 2>&1 &
pid=$!
wait_for "$port" "$pid" "$directory/log"
echo "url=ws://127.0.0.1:$port/sub?id={{channel}} pid=$pid"
