"""An image's health check: status 0 where `/livez` of the server in this container says 200.

Run as a file (`python -IS chassis/healthcheck.py`), so that asking each few seconds loads nothing
of the chassis: it costs 10 ms of CPU, and half a second as a module.
"""

import os
import socket
import sys

with socket.create_connection(("127.0.0.1", int(os.environ.get("PORT", "8000"))), 2) as server:
    server.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
    status = server.recv(64).partition(b"\r\n")[0]
sys.exit(b" 200 " not in status)
