"""The SQL of a restored database that concerns all of it."""

# What a service asks its outbox: the last moment that the backup knows of.
NEWEST = """
    SELECT greatest(
        (SELECT max(updated_at) FROM users),
        (SELECT max(created_at) FROM topics),
        (SELECT max(created_at) FROM messages)
    )
"""
