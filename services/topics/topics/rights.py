"""What a caller may do: as his card says once users has told of him; until then, his token."""

from dataclasses import dataclass
from datetime import UTC, datetime

from chassis.database import Connection
from chassis.identity import Identity, Role
from topics.errors import AccountErased, NotYours, RoleRequired, Suspended
from topics.projection_store import find_person

RANKS: dict[Role, int] = {"member": 0, "moderator": 1, "admin": 2}


@dataclass(frozen=True, slots=True)
class Rights:
    """A caller's rights at this moment. Its checks come after 404 and 410, before 428 and 422."""

    user_id: int
    role: Role
    suspended: bool

    def must_write(self) -> None:
        """403 for someone who is suspended."""
        if self.suspended:
            raise Suspended("Your account is suspended: you can read, but not write.")

    def must_be(self, role: Role) -> None:
        """403 without that role or a higher one."""
        self.must_write()
        if RANKS[self.role] < RANKS[role]:
            raise RoleRequired(f"This takes the role {role}; yours is {self.role}.")

    def must_own(self, author_id: int) -> None:
        """403 for what is another person's, unless the caller is a moderator."""
        self.must_write()
        if self.user_id != author_id and RANKS[self.role] < RANKS["moderator"]:
            raise NotYours("Only its author and moderators may change this.")


async def rights_of(conn: Connection, caller: Identity) -> Rights:
    """The caller's rights; 401 where the account was erased."""
    card = await find_person(conn, caller.user_id)
    if card is None or card["version"] == 0:
        return Rights(caller.user_id, caller.role, suspended=False)
    if card["state"] == "erased":
        raise AccountErased("The account of this access token was erased.")
    until = card["suspended_until"]
    suspended = card["state"] == "suspended" and (until is None or until > datetime.now(UTC))
    return Rights(caller.user_id, card["role"], suspended)
