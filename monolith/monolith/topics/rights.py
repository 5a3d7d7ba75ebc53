"""What a caller may do at this moment, whatever his token says."""

from dataclasses import dataclass

from chassis.database import Connection
from chassis.identity import Identity, Role
from monolith.topics.errors import AccountErased, NotYours, RoleRequired, Suspended
from monolith.topics.store import find_person

RANKS: dict[Role, int] = {"member": 0, "moderator": 1, "admin": 2}


@dataclass(frozen=True, slots=True)
class Rights:
    """A caller's rights. Its checks come after 404 and 410, before 428 and 422."""

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
    person = await find_person(conn, caller.user_id)
    if person is None or person["erased_at"] is not None:
        raise AccountErased("The account of this access token was erased.")
    return Rights(caller.user_id, person["role"], person["suspended"])
