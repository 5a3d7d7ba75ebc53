"""The first people of a forum."""

import httpx

from forum.instance import Forum


def register(url: str, username: str, password: str) -> None:
    """Register someone in the forum at the address."""
    person = {"username": username, "email": f"{username}@example.org", "password": password}
    httpx.post(f"{url}/api/users", json=person, timeout=30).raise_for_status()


def make_admin(forum: Forum, username: str, password: str) -> None:
    """Register someone and make him an admin, as the owner of a new forum does."""
    register(forum.url, username, password)
    forum.run("monolith" if forum.mode == "monolith" else "users", "admin", "promote", username)
