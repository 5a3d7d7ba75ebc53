"""`deploy down`: everything taken down but the data, and that too when asked for."""

from deployment.commands import leftovers
from deployment.commands.plan_text import table
from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.problems import AGAIN, DeployError
from deployment.steps import (
    instances,
    listener,
    namespace,
    scaling,
    services,
    stack_events,
    stacks,
    tasks,
)
from deployment.wanted import layout
from deployment.wanted.sizes import DEPLOYABLE

SECONDS = 900.0
AT_ONCE = 10


def run(forum: Forum, *, delete_data: bool) -> Outcome:
    """Ask for the name, take it down, and tell what is left."""
    data = [part for part in layout.DATA if _there(forum, part)]
    parts = [part for part in layout.OTHERS if _there(forum, part)]
    if not (parts or data or leftovers.find(forum)):
        raise DeployError(f"There is no forum '{forum.name}' in {forum.region}.")
    forum.ask(
        f"This takes down the forum '{forum.name}' in {forum.region}, account"
        f" {forum.aws.account}. {_fate(forum, data, delete_data=delete_data)} To go on, say its"
        " name:",
        forum.name,
    )
    step = forum.progress.step
    with step("services"):
        if forum.owns_cluster():
            _services(forum)
    with step("rules"):
        # No target group can go while a rule leads to it.
        if balancer := listener.balancer(forum):
            listener.withdraw(forum, balancer)
    with step("task definitions"):
        _task_definitions(forum)
    with step("databases"):
        _databases(forum, data, delete_data=delete_data)
    with step("stacks"):
        _stacks(forum, keep_network=bool(data) and not delete_data)
    if delete_data:
        with step("snapshots"):
            _snapshots(forum)
    return _outcome(forum, [] if delete_data else data)


def _fate(forum: Forum, data: list[str], *, delete_data: bool) -> str:
    """What becomes of the data."""
    if not delete_data:
        kept = f"the databases ({', '.join(data)}), and the network that they are in"
        return f"Kept: {kept}." if data else "It has no databases of its own."
    taken = ", ".join(sorted(leftovers.snapshots(forum))) or "none yet"
    return (
        f"There is no way back: its databases ({', '.join(data) or 'none'}) go, with the snapshots"
        f" that AWS takes of them now, and those that are there ({taken})."
    )


def _there(forum: Forum, part: str) -> bool:
    return stack_events.look(forum, layout.stack_name(forum.name, part)) is not None


def _services(forum: Forum) -> None:
    """No task is left behind: its network interface would hold the network."""
    live = services.find(forum, forum.name, DEPLOYABLE)
    for name in live:
        scaling.stop(forum, forum.name, name)
        forum.aws.ecs.delete_service(cluster=forum.name, service=name, force=True)
        forum.say(f"  {name}: stopping its tasks")
    for task in _running(forum):
        forum.aws.ecs.stop_task(cluster=forum.name, task=task, reason="deploy down")
    forum.wait_until(
        lambda: not _running(forum) and not _draining(forum),
        SECONDS,
        f"Tasks still run after {SECONDS / 60:.0f} min. {AGAIN}",
    )


def _running(forum: Forum) -> list[str]:
    """All tasks that have not stopped, those among them that are on the way to it."""
    ecs = forum.aws.ecs
    found = [
        arn
        for state in ("RUNNING", "STOPPED")
        for page in ecs.get_paginator("list_tasks").paginate(
            cluster=forum.name, desiredStatus=state
        )
        for arn in page["taskArns"]
    ]
    described = [
        task
        for start in range(0, len(found), 100)
        for task in ecs.describe_tasks(cluster=forum.name, tasks=found[start : start + 100])[
            "tasks"
        ]
    ]
    return [task["taskArn"] for task in described if task["lastStatus"] != "STOPPED"]


def _draining(forum: Forum) -> bool:
    found = forum.aws.ecs.describe_services(cluster=forum.name, services=list(DEPLOYABLE))
    return any(service["status"] == "DRAINING" for service in found["services"])


def _task_definitions(forum: Forum) -> None:
    families = [f"{forum.name}-{service}" for service in DEPLOYABLE]
    found = [
        arn
        for family in families
        for each in (family, f"{family}-migrate")
        for arn in tasks.revisions(forum, each)
    ]
    for arn in found:
        forum.aws.ecs.deregister_task_definition(taskDefinition=arn)
    for start in range(0, len(found), AT_ONCE):
        forum.aws.ecs.delete_task_definitions(taskDefinitions=found[start : start + AT_ONCE])
    if found:
        forum.say(f"  {len(found)} removed")


def _databases(forum: Forum, data: list[str], *, delete_data: bool) -> None:
    """Let go of the services' roles, which go now; and of the data itself, when asked for."""
    changed = {"MigrationExecutionRoleNames": ""}
    if delete_data:
        changed["DeletionProtection"] = "false"
    for part in data:
        stack = layout.stack_name(forum.name, part)
        live = stack_events.look(forum, stack)
        if live is None or live["StackStatus"] != stacks.HALF_GONE:
            stacks.change_parameters(forum, part, changed)
        elif delete_data:
            # It takes no change any more.
            stacks.unprotect(forum, stack)
    if delete_data:
        stack_events.delete(forum, [layout.stack_name(forum.name, part) for part in data])


def _stacks(forum: Forum, *, keep_network: bool) -> None:
    waves: list[tuple[str, ...]] = [DEPLOYABLE, ("capacity",), ("platform",), ("network",)]
    instances.end(forum, layout.stack_name(forum.name, "capacity"))
    if keep_network:
        waves.pop()
        # What is kept needs no way out of the network, which may cost more than it does.
        stacks.change_parameters(forum, "network", {"Egress": "public-ip"})
    for wave in waves:
        if "platform" in wave:
            namespace.clear(forum)
        stack_events.delete(forum, [layout.stack_name(forum.name, part) for part in wave])


def _snapshots(forum: Forum) -> None:
    """Those that CloudFormation took when it removed the databases."""
    for name in leftovers.snapshots(forum):
        forum.aws.rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
        forum.say(f"  {name} removed")


def _outcome(forum: Forum, kept: list[str]) -> Outcome:
    left = leftovers.find(forum)
    rows = [[kind, ", ".join(names)] for kind, names in left.items()]
    if not left:
        text = "Nothing is left that costs money."
    elif kept:
        text = "Kept, and paid for on; `down --delete-data` removes it:"
    else:
        text = "Still there, and paid for; `down` again removes it if it is the forum's own:"
    document = {"left": left, "kept": kept}
    return Outcome(
        document, "\n".join([text, *(table(rows) if rows else [])]), int(bool(left) and not kept)
    )
