"""The people of a load: registered and logged in before it begins, each at his own address."""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

from forum.errors import ForumError

# Enough for a load within what one person may write.
MANY = 50
TOGETHER = 4
PATIENCE_SECONDS = 60


def random_address() -> str:
    """An address of the documentation's network, alone in its /64: limits count by that."""
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"


@dataclass(slots=True)
class Person:
    """Someone who does not exist yet."""

    name: str = field(default_factory=lambda: f"load-{secrets.token_hex(6)}")
    password: str = field(default_factory=lambda: f"pass {secrets.token_hex(12)}")
    address: str = field(default_factory=random_address)
    id: int = 0
    token: str = ""

    @property
    def registration(self) -> dict[str, str]:
        """What is posted to become a member."""
        email = f"{self.name}@example.org"
        return {"username": self.name, "email": email, "password": self.password}

    @property
    def headers(self) -> dict[str, str]:
        """What each request of this person carries."""
        known = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {"X-Forwarded-For": self.address, **known}


def register(url: str, many: int = MANY) -> list[Person]:
    """People with a token each, from a forum that is whole."""
    people = [Person() for _ in range(many)]
    asyncio.run(_register_all(url, people))
    return people


async def _register_all(url: str, people: list[Person]) -> None:
    turn = asyncio.Semaphore(TOGETHER)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as http:

        async def one(person: Person) -> None:
            async with turn:
                made = await _post(http, "/api/users", person, person.registration)
                login = {"login": person.name, "password": person.password}
                session = await _post(http, "/api/users/sessions", person, login)
                person.id, person.token = made["id"], session["access_token"]

        await asyncio.gather(*(one(person) for person in people))


async def _post(
    http: httpx.AsyncClient, path: str, person: Person, body: dict[str, str]
) -> dict[str, Any]:
    answer = await http.post(path, headers=person.headers, json=body)
    if answer.status_code != 201:
        raise ForumError(f"POST {path} of {person.name} got {answer.status_code}: {answer.text}")
    made: dict[str, Any] = answer.json()
    return made
