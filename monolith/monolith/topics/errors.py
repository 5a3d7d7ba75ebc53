"""The problem types of topics."""

from chassis.problems import Conflict, Forbidden, Gone, Invalid, NotFound, Unauthorized


class AccountErased(Unauthorized):
    code, title = "account_erased", "The account was erased"


class Suspended(Forbidden):
    code, title = "suspended", "The account is suspended"


class RoleRequired(Forbidden):
    code, title = "role_required", "This takes another role"


class NotYours(Forbidden):
    code, title = "not_yours", "It belongs to another person"


class TopicNotFound(NotFound):
    code, title = "topic_not_found", "No such topic"


class TopicDeleted(Gone):
    code, title = "topic_deleted", "The topic was deleted"


class CategoryTaken(Conflict):
    code, title = "category_taken", "There is a category of that slug"


class QueryTooBroad(Invalid):
    code, title = "query_too_broad", "The search takes too long"
