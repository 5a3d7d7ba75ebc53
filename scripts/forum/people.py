"""The first people of a forum on this machine."""

import httpx

from forum.instance import Forum


def make_admin(forum: Forum, username: str, password: str) -> None:
    """Register someone and make him an admin, as the owner of a new forum does."""
    answer = httpx.post(
        f"{forum.url}/api/users",
        json={"username": username, "email": f"{username}@example.org", "password": password},
    )
    answer.raise_for_status()
    forum.run("monolith" if forum.mode == "monolith" else "users", "admin", "promote", username)
