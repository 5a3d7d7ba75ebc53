"""The SQL of loading and dumping the topics of a forum archive."""

# The one category of an empty service; the archive has its own.
BEFORE_CATEGORIES = ("DELETE FROM categories",)
COPY_CATEGORIES = "COPY categories (slug, name, description, created_at) FROM STDIN"
SELECT_CATEGORIES = """
    SELECT slug, name, description, created_at
    FROM categories
    ORDER BY slug
"""
GENERAL_MISSING = """
    SELECT 'general' AS slug
    WHERE NOT EXISTS (SELECT FROM categories WHERE slug = 'general')
"""

COPY_TOPICS = """
    COPY topics (
        id, title, slug, body, body_html, excerpt, category, tags, author_id, locked, pinned,
        last_activity_at, created_at, updated_at, deleted_at, version
    )
    FROM STDIN
"""
SELECT_TOPICS = """
    SELECT
        id, title, slug, body, category, tags, author_id, locked, pinned, created_at, updated_at,
        deleted_at, version
    FROM topics
    ORDER BY id
"""

COPY_AUDIT = "COPY audit_log (domain, id, at, actor_id, action, target_id, detail) FROM STDIN"
SELECT_AUDIT = """
    SELECT id, at, actor_id, action, target_id, detail
    FROM audit_log
    WHERE domain = 'topics'
    ORDER BY id
"""

AFTER = (
    """
    UPDATE categories
    SET topic_count = (
        SELECT count(*)
        FROM topics
        WHERE category = categories.slug AND deleted_at IS NULL
    )
    """,
    """
    UPDATE users
    SET topic_count = counted.topics
    FROM (
        SELECT author_id, count(*) AS topics
        FROM topics
        WHERE deleted_at IS NULL
        GROUP BY author_id
    ) AS counted
    WHERE users.id = counted.author_id
    """,
    """
    SELECT setval(pg_get_serial_sequence('topics', 'id'), max(id))
    FROM topics
    HAVING max(id) IS NOT NULL
    """,
)
