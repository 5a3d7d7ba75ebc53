"""Ports of this machine."""

import errno
import secrets
import socket


def free(count: int) -> list[int]:
    """That many different ports that nobody listens on."""
    found: set[int] = set()
    while len(found) < count:
        # Below those that the system itself gives to outgoing connections: one of these could be
        # taken again before the program that it is meant for listens.
        port = 15_000 + secrets.randbelow(17_000)
        if not taken(port):
            found.add(port)
    return list(found)


def taken(port: int) -> bool:
    """Whether something listens on that port of this machine; OSError where it is not allowed."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                # Connections of a forum that ended a moment ago do not count.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            # Many machines, containers above all, have no IPv6.
            if family == socket.AF_INET:
                raise
    return False
