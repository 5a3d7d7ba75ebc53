"""The monolith's part of a forum archive: all of it."""

from chassis.archive_copy import Part
from monolith import archive_store as sql
from monolith.messages import archive as messages
from monolith.messages import archive_store as messages_sql
from monolith.topics import archive as topics
from monolith.topics import archive_store as topics_sql
from monolith.users import archive as users
from monolith.users import archive_store as users_sql

PART = Part(
    name="monolith",
    files=(*users.FILES, *topics.FILES, *messages.FILES),
    lock=sql.LOCK,
    occupied=sql.OCCUPIED,
    required=("users", "categories", "topics", "messages"),
    checks=(*topics.CHECKS, *messages.CHECKS),
    after=(*users_sql.AFTER, *topics_sql.AFTER, *messages_sql.AFTER, *sql.AFTER),
)
