"""Asking a part over HTTP whether it answers."""

import http.client
from urllib.parse import urlsplit


def answers(url: str) -> bool:
    """Whether a GET of the address gives a 2xx."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
    try:
        connection.request("GET", address.path)
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
