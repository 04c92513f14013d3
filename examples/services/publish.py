import json
import urllib.request

# With an id of your own, a retry is safe: the event is delivered once.
event = {"channel": "orders", "event": "order.created", "id": "order-17", "data": {"total": 12}}
request = urllib.request.Request(
    "http://127.0.0.1:3000/api/events",
    data=json.dumps(event).encode(),
    headers={"Content-Type": "application/json"},
)
with urllib.request.urlopen(request, timeout=5) as response:
    print(response.read().decode())
