"""`deploy up`: from whatever is there to the forum as this checkout has it.

Each step reads what is live, works out what is wanted, and applies the difference: so a run that
was stopped anywhere is gone on with, and one where nothing has changed changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.steps import (
    data,
    delivery,
    images,
    infrastructure,
    listener,
    migrations,
    scaling,
    secret_values,
    services,
    smoke,
    stack_events,
    tasks,
)
from deployment.steps.infrastructure import Gathered
from deployment.steps.migrations import Migration
from deployment.wanted import costs, layout, release
from deployment.wanted.release import Release
from deployment.wanted.sizes import DEPLOYABLE
from forum.places import SERVICES


@dataclass
class Up:
    """One run; `changed` names what it did."""

    forum: Forum
    chosen: Sequence[str]
    outputs: Gathered = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)

    @property
    def cluster(self) -> str:
        return self.outputs["platform"]["Cluster"]

    def did(self, what: str, *, anything: bool) -> None:
        """Remember that a step changed something, if it did."""
        if anything:
            self.changed.append(what)


def run(forum: Forum, chosen: Sequence[str]) -> Outcome:
    """Bring everything up; where the forum is, and what was changed."""
    up = Up(forum, chosen or SERVICES)
    step = forum.progress.step
    with step("look"):
        wanted_images = _look(up)
    with step("stacks"):
        up.outputs, changed = infrastructure.bring_up(forum, up.chosen)
        up.did("stacks", anything=changed)
    with step("images"):
        references = _images(up, wanted_images)
    with step("secrets"):
        filled = secret_values.fill(forum, up.chosen, up.outputs)
        up.did("secrets", anything=filled)
    with step("rules"):
        _rules(up)
    releases = _releases(up, references)
    with step("migrations"):
        _migrate(up, releases)
    with step("services"):
        up.changed += delivery.deliver(forum, up.cluster, releases)
    with step("scaling"):
        _scale(up, releases)
    forum.remember_size()
    with step("smoke test"):
        smoke.test(forum, up.outputs["platform"], up.chosen)
    return _outcome(up)


def _look(up: Up) -> dict[str, images.Image]:
    """What is to be built; and whether the person agrees, where there is nothing yet."""
    forum = up.forum
    forum.say(f"  {forum.name} in {forum.region}, account {forum.aws.account}")
    wanted = {service: images.wanted(forum, service) for service in up.chosen}
    here = infrastructure.deployed(forum)
    data.refuse_another(forum, up.chosen, here)
    if any(_digest(forum, here, image) is None for image in wanted.values()):
        images.need_docker()
    if not stack_events.look(forum, layout.stack_name(forum.name, "network")):
        month = costs.total(costs.estimate(forum.size, forum.region, up.chosen))
        forum.ask(
            f"This makes the forum '{forum.name}' of the size {forum.size.file.stem} in account"
            f" {forum.aws.account}, {forum.region}, for about ${month.at_rest:.0f} a month at"
            f" rest and ${month.most:.0f} at most (`plan` says more). Go on? Say yes:"
        )
    return wanted


def _digest(forum: Forum, outputs: Gathered, image: images.Image) -> str | None:
    if image.service not in outputs:
        return None
    return images.digest_in(forum, outputs[image.service]["RepositoryName"], image)


def _images(up: Up, wanted: Mapping[str, images.Image]) -> dict[str, str]:
    """Each image as a task definition names it; built and pushed where it is new."""
    references = {}
    for service, image in wanted.items():
        repository = up.outputs[service]["Repository"]
        digest = _digest(up.forum, up.outputs, image)
        if digest is None:
            name = up.outputs[service]["RepositoryName"]
            digest = images.publish(up.forum, repository, name, image)
            up.did(f"image of {service}", anything=True)
        references[service] = f"{repository}@{digest}"
    return references


def _rules(up: Up) -> None:
    wanted = listener.wanted_rules(up.forum, up.outputs)
    platform = up.outputs["platform"]
    where = platform["Listener"]
    found = listener.changes(up.forum, where, wanted)
    listener.apply(up.forum, where, found)
    # Once there is HTTPS, HTTP is to redirect: what a listener does else comes after its rules.
    left = listener.withdraw(up.forum, platform["LoadBalancer"], keep=where)
    up.did("rules", anything=bool(found) or left)


def _releases(up: Up, references: Mapping[str, str]) -> list[Release]:
    forum = up.forum
    live = services.find(forum, up.cluster, DEPLOYABLE)
    size = release.with_bounds(forum.size, services.scaled_by_hand(live))
    return [
        release.describe(
            service, image, forum=forum.name, region=forum.region, size=size, outputs=up.outputs
        )
        for service, image in references.items()
    ]


def _migrate(up: Up, releases: Sequence[Release]) -> None:
    wanted = [
        Migration(each.service, tasks.register(up.forum, each.migration), each.migration_run)
        for each in releases
    ]
    new = [migration for migration in wanted if not migration.revision.ran]
    migrations.run(up.forum, new)
    up.did("migrations", anything=bool(new))


def _scale(up: Up, releases: Sequence[Release]) -> None:
    for each in releases:
        change = scaling.changes(up.forum, each.scaling)
        if change:
            up.forum.say(f"  {each.service}:")
            scaling.apply(up.forum, change)
            up.did(f"scaling of {each.service}", anything=True)


def _outcome(up: Up) -> Outcome:
    where = smoke.url(up.forum, up.outputs["platform"])
    did = f"Changed: {', '.join(up.changed)}." if up.changed else "There was nothing to change."
    text = (
        f"{did}\nTime spent: {up.forum.progress.bill()}.\nThe forum answers at {where}/api/topics"
    )
    return Outcome({"url": where, "changed": up.changed}, text)
