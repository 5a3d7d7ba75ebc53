"""The forum that a command works on: its name, its size, and the AWS account that it runs in."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from deployment.problems import DeployError, UsageError
from deployment.progress import Progress
from deployment.session import Aws
from deployment.wanted import sizes
from deployment.wanted.sizes import Size

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ClusterTypeDef

# On its cluster: the size that the forum was last brought up with.
SIZE = "forum-size"


@dataclass(frozen=True)
class Forum:
    """`yes` answers every question; `address` is where people reach it, if not at the balancer."""

    name: str
    aws: Aws
    given_size: Size | None = None
    yes: bool = False
    address: str = ""
    progress: Progress = field(default_factory=Progress)

    @cached_property
    def size(self) -> Size:
        """What was asked for; else what it was last; else the smallest."""
        if self.given_size:
            return self.given_size
        last = self._last_size() or "hobby"
        try:
            return sizes.load(last)
        except UsageError:
            raise UsageError(
                f"The forum was brought up with the size {last}, which is not here: give --size."
            ) from None

    def remember_size(self) -> None:
        """Let the next run know the size that this one had."""
        for cluster in self._clusters():
            if self.size.name != _tags(cluster).get(SIZE):
                self.aws.ecs.tag_resource(
                    resourceArn=cluster["clusterArn"], tags=[{"key": SIZE, "value": self.size.name}]
                )

    def _last_size(self) -> str:
        return next((_tags(cluster).get(SIZE, "") for cluster in self._clusters()), "")

    def owns_cluster(self) -> bool:
        """Whether there is one of its name, and with its tag: it may be somebody else's."""
        clusters = self._clusters()
        ours = any(_tags(cluster).get("forum") == self.name for cluster in clusters)
        if clusters and not ours:
            self.say(f"  the cluster {self.name} has no tag forum={self.name}: it is left alone")
        return ours

    def _clusters(self) -> list[ClusterTypeDef]:
        """The one that there is, or none."""
        found = self.aws.ecs.describe_clusters(clusters=[self.name], include=["TAGS"])
        return [cluster for cluster in found["clusters"] if cluster["status"] == "ACTIVE"]

    @property
    def region(self) -> str:
        return self.aws.region

    @property
    def tags(self) -> dict[str, str]:
        """What everything carries that belongs to this forum."""
        return {"forum": self.name}

    def say(self, line: str) -> None:
        """Tell what is going on."""
        self.progress.say(line)

    def ask(
        self, question: str, wanted: str = "yes", otherwise: str = "Nothing was changed."
    ) -> None:
        """Go on only if the answer is `wanted`; `otherwise` says what has become of things."""
        if self.yes:
            return
        print(question, end=" ", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer:
            raise DeployError(f"Nobody answers here: say --yes beforehand. {otherwise}")
        if answer.strip() != wanted:
            raise DeployError(f"'{answer.strip()}' is not '{wanted}'. {otherwise}")

    def wait_until(self, condition: Callable[[], bool], seconds: float, failure: str) -> None:
        """Ask again and again until it is so."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise DeployError(failure)
            time.sleep(self.aws.pause)


def _tags(cluster: ClusterTypeDef) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in cluster.get("tags", [])}
