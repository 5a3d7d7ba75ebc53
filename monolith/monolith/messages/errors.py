"""The problem types of messages."""

from chassis.problems import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Unauthorized,
)


class MessageNotFound(NotFound):
    code, title = "message_not_found", "No such message"


class MessageDeleted(Gone):
    code, title = "message_deleted", "This message was deleted"


class TopicNotFound(NotFound):
    code, title = "topic_not_found", "No such topic"


class TopicDeleted(Gone):
    code, title = "topic_deleted", "This topic was deleted"


class TopicLocked(Conflict):
    code, title = "topic_locked", "This topic is locked"


class AccountErased(Unauthorized):
    code, title = "account_erased", "Your account was erased"


class Suspended(Forbidden):
    code, title = "suspended", "Your account is suspended"


class NotYours(Forbidden):
    code, title = "not_yours", "The message is someone else's"


class QueryTooBroad(Invalid):
    code, title = "query_too_broad", "The search takes too long"
