"""What goes wrong in a way that its user can do something about."""


class ForumError(Exception):
    """The forum cannot start or go on; the message says why and what to do."""
