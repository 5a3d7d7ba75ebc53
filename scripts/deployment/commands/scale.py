"""`deploy scale SERVICE MIN MAX`: how many tasks there may be, now and in every later release."""

from dataclasses import replace

from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.problems import UsageError
from deployment.steps import delivery, infrastructure, rollout, scaling, services
from deployment.steps.rollout import Rollout
from deployment.wanted import release


def run(forum: Forum, service: str, least: int, most: int) -> Outcome:
    """Scale it and wait until so many tasks run."""
    if not 1 <= least <= most:
        raise UsageError(
            f"{least} and {most} do not fit: 1 <= MIN <= MAX. With no task there is no load to"
            " measure, and nothing would start one."
        )
    outputs = infrastructure.read(forum, service)
    live = services.require(forum, service)
    revision = delivery.current(forum, live)
    own = forum.size.services[service]
    as_the_size_says = (least, most) == (own.minimum, own.maximum)
    wanted = release.describe(
        service,
        revision.definition["containerDefinitions"][0]["image"],
        forum=forum.name,
        region=forum.region,
        size=release.with_bounds(forum.size, {service: (least, most)}),
        outputs=outputs,
    )
    change = services.change(forum, wanted.definition, live, revision.arn, wanted.bounds)
    # All else that differs is for the next `up`.
    told = {key: value for key, value in change.told.items() if key == "desiredCount"}
    lines = [line for line in change.differences if line.startswith("tasks:")]
    watched = Rollout(forum, forum.name, service, revision, revision.arn)
    rollout.start(watched, replace(change, told=told, differences=lines))
    if bounds := scaling.changes(forum, wanted.scaling):
        scaling.apply(forum, bounds)
    _remember(forum, live["serviceArn"], None if as_the_size_says else f"{least} {most}")
    rollout.watch([watched])
    text = f"{service} runs {least} to {most} tasks from now on, whatever the size says."
    if as_the_size_says:
        text = f"{service} runs {least} to {most} tasks, as the size says."
    return Outcome({"service": service, "minimum": least, "maximum": most}, text)


def _remember(forum: Forum, arn: str, by_hand: str | None) -> None:
    """For later releases, in a tag of the service."""
    ecs = forum.aws.ecs
    if by_hand:
        ecs.tag_resource(resourceArn=arn, tags=[{"key": services.SCALE, "value": by_hand}])
    else:
        ecs.untag_resource(resourceArn=arn, tagKeys=[services.SCALE])
