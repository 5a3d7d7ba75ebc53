"""A whole forum on this machine, for scripts/up, the tests and the other scripts.

with Forum(mode="services") as forum:
    httpx.get(f"{forum.url}/api/topics")
"""

from forum.errors import ForumError as ForumError
from forum.instance import Forum as Forum
