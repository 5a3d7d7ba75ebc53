"""The search of a forum's log for what must not be in it."""

from psycopg.conninfo import conninfo_to_dict

from forum.instance import Forum

from .people import Secrets


def assert_clean(forum: Forum, secrets: Secrets) -> None:
    """No line so far carries what people typed, what they got, or what the services were told."""
    forbidden = set(secrets.seen)
    for environment in forum.environments.values():
        forbidden.add(str(conninfo_to_dict(environment["DATABASE_URL"])["password"]))
        forbidden.add(environment["IDEMPOTENCY_SECRET"])
        forbidden.update(environment["INTERNAL_SECRETS"].split(","))
    assert forum.log_file is not None
    lines = forum.log_file.read_text().splitlines()
    assert any('"/api/users/sessions"' in line for line in lines)
    assert not [line for line in lines if any(secret in line for secret in forbidden)]
