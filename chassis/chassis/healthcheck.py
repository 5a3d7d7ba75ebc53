"""An image's health check: status 0 where `/livez` of the server in this container says 200.

Another path can be named: `scripts/roll` asks for `/readyz`. What is not a 200 is printed.

Run as a file (`python -IS chassis/healthcheck.py`), so that asking each few seconds loads nothing
of the chassis: it costs 10 ms of CPU, and half a second as a module.
"""

import os
import socket
import sys

path = sys.argv[1] if len(sys.argv) > 1 else "/livez"
with socket.create_connection(("127.0.0.1", int(os.environ.get("PORT", "8000"))), 2) as server:
    server.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    with server.makefile("rb") as answer:
        status, *rest = answer.read().splitlines()
if b" 200 " not in status:
    sys.exit(rest[-1].decode() if rest else "no answer")
