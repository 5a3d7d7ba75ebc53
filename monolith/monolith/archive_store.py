"""The SQL of loading a forum archive that concerns the whole database."""

LOCK = """
    LOCK TABLE
        users, sessions, refresh_tokens, signing_keys, categories, topics, messages, revisions,
        reactions, audit_log
    IN SHARE ROW EXCLUSIVE MODE
"""
OCCUPIED = """
    SELECT
        EXISTS (SELECT FROM users)
        OR EXISTS (SELECT FROM categories WHERE slug <> 'general')
        OR EXISTS (SELECT FROM audit_log) AS found
"""
AFTER = (
    """
    SELECT setval(pg_get_serial_sequence('audit_log', 'id'), max(id))
    FROM audit_log
    HAVING max(id) IS NOT NULL
    """,
    "ANALYZE users, categories, topics, messages, revisions, reactions",
)
