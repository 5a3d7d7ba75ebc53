"""The SQL of loading and dumping this service's part of a forum archive."""

LOCK = "LOCK TABLE categories, topics, authors, audit_log IN SHARE ROW EXCLUSIVE MODE"
OCCUPIED = """
    SELECT
        EXISTS (SELECT FROM topics)
        OR EXISTS (SELECT FROM categories WHERE slug <> 'general')
        OR EXISTS (SELECT FROM audit_log) AS found
"""

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

COPY_AUDIT = "COPY audit_log (id, at, actor_id, action, target_id, detail) FROM STDIN"
SELECT_AUDIT = """
    SELECT id, at, actor_id, action, target_id, detail
    FROM audit_log
    ORDER BY id
"""

# Who an author is comes with the rebuild; how many topics he has is known here.
AFTER = (
    """
    INSERT INTO authors AS kept (id, username, display_name, topic_count, count_version)
    SELECT
        author_id, 'user-' || author_id, 'user-' || author_id,
        count(*) FILTER (WHERE deleted_at IS NULL), 1
    FROM topics
    GROUP BY author_id
    ON CONFLICT (id) DO UPDATE
    SET topic_count = excluded.topic_count, count_version = kept.count_version + 1
    """,
    """
    UPDATE categories
    SET topic_count = (
        SELECT count(*)
        FROM topics
        WHERE category = categories.slug AND deleted_at IS NULL
    )
    """,
    """
    SELECT setval(pg_get_serial_sequence('topics', 'id'), max(id))
    FROM topics
    HAVING max(id) IS NOT NULL
    """,
    """
    SELECT setval(pg_get_serial_sequence('audit_log', 'id'), max(id))
    FROM audit_log
    HAVING max(id) IS NOT NULL
    """,
    "ANALYZE topics, categories, authors",
)
