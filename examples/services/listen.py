import http.client
import json
import time
import urllib.request

position = ""  # after the newest message that was handled
pause = 1


def handle(message):
    if message.get("type") == "event":
        print(message["data"], flush=True)
    elif message.get("type") == "gap" or message.get("recovered") is False:
        print("missed some: load the orders from the database", flush=True)
    elif message.get("type") == "subscribed":
        print("subscribed", flush=True)


while True:
    url = "http://127.0.0.1:3000/sse?channel=orders"
    request = urllib.request.Request(url, headers={"Last-Event-ID": position})
    try:
        # The server sends at least a comment every 30 s.
        with urllib.request.urlopen(request, timeout=60) as stream:
            last_id, data = position, ""
            for line in stream:
                field, _, value = line.decode().strip().partition(": ")
                if field == "id":
                    last_id = value
                elif field == "data":
                    data += value
                elif field == "retry":
                    pause = int(value) / 1000
                elif field == "" and data:
                    handle(json.loads(data))
                    position, data = last_id, ""
    except (OSError, http.client.HTTPException) as error:
        print("reconnecting:", error, flush=True)
    time.sleep(pause)
