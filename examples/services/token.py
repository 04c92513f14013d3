import base64
import hashlib
import hmac
import json
import time


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


secret = open("token.secret", "rb").read().rstrip()
now = int(time.time())
claims = {"sub": "ada", "iat": now, "exp": now + 3600, "channels": {"orders": ["subscribe", "history"]}}
signed = encode(b'{"alg":"HS256","typ":"JWT"}') + b"." + encode(json.dumps(claims).encode())
print((signed + b"." + encode(hmac.digest(secret, signed, hashlib.sha256))).decode())
