"""`deploy rollback SERVICE`: back to the version that ran before, watched as every rollout."""

from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.problems import DeployError
from deployment.steps import delivery, rollout, services, tasks
from deployment.steps.rollout import Rollout
from deployment.steps.services import ServiceChange


def run(forum: Forum, service: str) -> Outcome:
    """Go back one version; again, and it is one more."""
    live = services.require(forum, service)
    current = delivery.current(forum, live)
    before = tasks.before(forum, current.arn)
    name = tasks.short(current.arn)
    if before is None:
        raise DeployError(f"{service} runs {name}, and no version before it has run.")
    goal = tasks.short(before.arn)
    told = {"taskDefinition": before.arn}
    change = ServiceChange(service, live["serviceArn"], told, [f"version: {name} → {goal}"])
    watched = Rollout(forum, forum.name, service, before, current.arn if current.ran else None)
    rollout.start(watched, change)
    rollout.watch([watched])
    return Outcome(
        {"service": service, "from": name, "to": goal},
        f"{service} runs {goal} again. The next `up` brings what the checkout has.",
    )
