"""Categories, which an admin makes."""

import pytest

from .client import Guest, Person, eventually, word
from .shapes import problem, refused

CATEGORIES = "/api/topics/categories"


def test_the_category_general_is_there_from_the_start(guest: Guest) -> None:
    categories = guest.pages(CATEGORIES, limit=100)
    assert "general" in {category["slug"] for category in categories}
    slugs = [category["slug"] for category in categories]
    assert slugs == sorted(slugs)
    for category in categories:
        assert set(category) == {"slug", "name", "description", "topic_count"}
        assert isinstance(category["topic_count"], int)


def test_an_admin_makes_a_category_and_people_open_topics_in_it(
    guest: Guest, alice: Person, admin: Person
) -> None:
    new = {"slug": word("c"), "name": "News", "description": "What is new"}
    response = admin.post(CATEGORIES, json=new)
    assert response.status_code == 201
    assert response.json() == {**new, "topic_count": 0}
    assert response.headers["Location"]

    topic = alice.open_topic(category=new["slug"])
    assert [item["id"] for item in guest.items("/api/topics", category=new["slug"])] == [
        topic["id"]
    ]

    def count() -> int:
        found = [each for each in guest.pages(CATEGORIES) if each["slug"] == new["slug"]]
        return int(found[0]["topic_count"])

    eventually(lambda: count() == 1)
    moved = alice.change(f"/api/topics/{topic['id']}", category="general")
    assert moved.json()["category"] == "general"
    eventually(lambda: count() == 0)
    alice.change(f"/api/topics/{topic['id']}", category=new["slug"])
    eventually(lambda: count() == 1)
    alice.remove(f"/api/topics/{topic['id']}")
    eventually(lambda: count() == 0)


def test_a_slug_belongs_to_one_category(admin: Person) -> None:
    new = {"slug": "general", "name": "General", "description": ""}
    problem(admin.post(CATEGORIES, json=new), 409)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", ""),
        ("slug", "Upper"),
        ("slug", "-dash"),
        ("slug", "a" * 41),
        ("slug", "a b"),
        ("name", ""),
        ("name", "a" * 81),
        ("name", None),
        ("description", "a" * 501),
        ("topic_count", 5),
    ],
)
def test_making_a_category_refuses(admin: Person, field: str, value: object) -> None:
    new = {"slug": word("c"), "name": "News", "description": "What is new"}
    refused(admin.post(CATEGORIES, json={**new, field: value}), f"/{field}")


def test_only_admins_make_categories(guest: Guest, alice: Person, moderator: Person) -> None:
    new = {"slug": word("c"), "name": "News", "description": "What is new"}
    problem(guest.post(CATEGORIES, json=new), 401)
    problem(alice.post(CATEGORIES, json=new), 403, "role_required")
    problem(moderator.post(CATEGORIES, json=new), 403, "role_required")
