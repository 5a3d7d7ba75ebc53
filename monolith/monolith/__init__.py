"""The monolith: the whole forum in one process on one database."""
