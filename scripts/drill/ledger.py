"""What a forum was seen to promise: each write that it acknowledged, and how each request ended."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """One request and what came of it. `status` is 0 where no answer came.

    `problem` is the code of a refusal, or what went wrong with the connection. A write that is
    repeated is a request for each `attempt`.
    """

    service: str
    kind: str
    sent: float
    seconds: float
    attempt: int = 1
    status: int = 0
    problem: str = ""

    @property
    def ended(self) -> float:
        """When its answer came, or its end without one."""
        return self.sent + self.seconds

    @property
    def failed(self) -> bool:
        """Whether it got anything but what it asked for."""
        return self.problem != ""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that was opened."""

    id: int
    title: str
    author_id: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was posted."""

    id: int
    topic_id: int
    position: int
    body: str
    author_id: int


@dataclass(slots=True)
class Ledger:
    """Everything acknowledged so far, by id. All topics carry the tag."""

    tag: str
    people: dict[int, str] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)

    def copy(self) -> "Ledger":
        """As it is now."""
        return Ledger(self.tag, self.people.copy(), self.topics.copy(), self.messages.copy())
