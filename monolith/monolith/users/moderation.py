"""What moderators and admins do with people. All of it is in the audit log."""

from collections.abc import Sequence

from chassis.body import Body
from chassis.database import Connection, Database, Row
from chassis.identity import Identity
from monolith.users import schemas, store
from monolith.users.errors import LastAdmin, RoleRequired, Suspended, UserErased, UserNotFound
from monolith.users.sessions import present

RANKS = {"member": 0, "moderator": 1, "admin": 2}


async def suspend(
    db: Database, caller: Identity, user_id: int, body: Body[schemas.Suspension]
) -> None:
    """Suspend someone of a lower role, or change the reason and the end of a suspension."""
    async with db.transaction() as conn:
        await _moderated(conn, caller, user_id)
        suspension = body.parse()
        await store.suspend(conn, user_id, suspension.reason, suspension.until, caller.user_id)
        detail = suspension.model_dump(mode="json")
        await store.write_audit(conn, caller.user_id, "user.suspended", user_id, detail)


async def lift_suspension(db: Database, caller: Identity, user_id: int) -> None:
    """End the suspension of someone of a lower role; nothing happens where there is none."""
    async with db.transaction() as conn:
        target = await _moderated(conn, caller, user_id)
        if target["suspended"]:
            await store.lift_suspension(conn, user_id)
            await store.write_audit(conn, caller.user_id, "user.suspension_lifted", user_id, {})


async def change_role(
    db: Database, caller: Identity, user_id: int, body: Body[schemas.RoleChange]
) -> None:
    """Give someone a role. There is always an admin left who can act."""
    async with db.transaction() as conn:
        admins = await store.lock_admins(conn)
        actor = await present(conn, caller)
        target = await _locked(conn, user_id)
        _allow(actor, "admin")
        role = body.parse().role
        if role != "admin" and is_last_admin(admins, user_id):
            raise LastAdmin("No other admin is left who can act. Make someone else one first.")
        if role != target["role"]:
            await set_role(conn, caller.user_id, target, role)


def is_last_admin(admins: Sequence[Row], user_id: int) -> bool:
    """Whether no admin who can act is left without this one: the suspended cannot."""
    others = [admin for admin in admins if admin["id"] != user_id]
    return len(others) < len(admins) and all(
        schemas.state(admin) == "suspended" for admin in others
    )


async def set_role(conn: Connection, actor_id: int | None, target: Row, role: str) -> None:
    """Write and record another role."""
    await store.set_role(conn, target["id"], role)
    detail = {"from": target["role"], "to": role}
    await store.write_audit(conn, actor_id, "user.role_changed", target["id"], detail)


async def _moderated(conn: Connection, caller: Identity, user_id: int) -> Row:
    actor = await present(conn, caller)
    target = await _locked(conn, user_id)
    _allow(actor, "moderator")
    if RANKS[target["role"]] >= RANKS[actor["role"]]:
        raise RoleRequired(
            f"Your role is {actor['role']}, that of {target['username']} is {target['role']}:"
            " a higher one is needed."
        )
    return target


async def _locked(conn: Connection, user_id: int) -> Row:
    await store.lock_user(conn, user_id)
    row = await store.find_user(conn, user_id)
    if row is None:
        raise UserNotFound(f"There is no person {user_id}.")
    if row["erased_at"] is not None:
        raise UserErased(f"The account of person {user_id} was erased.")
    return row


def _allow(actor: Row, role: str) -> None:
    if schemas.state(actor) == "suspended":
        raise Suspended("You are suspended, and so cannot do this.")
    if RANKS[actor["role"]] < RANKS[role]:
        raise RoleRequired(f"Your role is {actor['role']}: this needs the role {role}.")
