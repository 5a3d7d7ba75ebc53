"""The SQL of loading and dumping this service's part of a forum archive."""

LOCK = """
    LOCK TABLE topics, messages, revisions, reactions, authors, audit_log
    IN SHARE ROW EXCLUSIVE MODE
"""
OCCUPIED = """
    SELECT
        EXISTS (SELECT FROM messages)
        OR EXISTS (SELECT FROM audit_log) AS found
"""

# A topic's row is made of its messages, after them.
BEFORE_MESSAGES = ("SET CONSTRAINTS ALL DEFERRED",)
COPY_MESSAGES = """
    COPY messages (
        id, topic_id, position, author_id, body, body_html, reply_to, created_at, edited_at,
        deleted_at, version
    )
    FROM STDIN
"""
SELECT_MESSAGES = """
    SELECT
        id, topic_id, position, author_id, body, reply_to, created_at, edited_at, deleted_at,
        version
    FROM messages
    ORDER BY id
"""
GAP = """
    SELECT id, topic_id, position, before
    FROM (
        SELECT
            id, topic_id, position,
            lag(position, 1, 0::bigint) OVER (PARTITION BY topic_id ORDER BY position) AS before
        FROM messages
    ) AS placed
    WHERE position <> before + 1
    LIMIT 1
"""
STRANGE_REPLY = """
    SELECT message.id, message.reply_to, message.topic_id
    FROM messages AS message
    LEFT JOIN messages AS answered ON answered.id = message.reply_to
    WHERE message.reply_to IS NOT NULL
        AND answered.topic_id IS DISTINCT FROM message.topic_id
    ORDER BY message.id
    LIMIT 1
"""

COPY_REVISIONS = "COPY revisions (message_id, version, body, edited_at, editor_id) FROM STDIN"
SELECT_REVISIONS = """
    SELECT message_id, version, body, edited_at, editor_id
    FROM revisions
    ORDER BY message_id, version
"""
STRANGE_REVISION = """
    SELECT revision.message_id, revision.version
    FROM revisions AS revision
    JOIN messages AS message ON message.id = revision.message_id
    WHERE message.deleted_at IS NOT NULL OR revision.version >= message.version
    LIMIT 1
"""

COPY_REACTIONS = "COPY reactions (message_id, user_id, emoji, created_at) FROM STDIN"
SELECT_REACTIONS = """
    SELECT message_id, user_id, emoji, created_at
    FROM reactions
    ORDER BY message_id, user_id, emoji COLLATE "C"
"""
STRANGE_REACTION = """
    SELECT reaction.message_id, reaction.user_id, reaction.emoji
    FROM reactions AS reaction
    JOIN messages AS message ON message.id = reaction.message_id
    WHERE message.deleted_at IS NOT NULL
    LIMIT 1
"""

COPY_AUDIT = "COPY audit_log (id, at, actor_id, action, target_id, detail) FROM STDIN"
SELECT_AUDIT = """
    SELECT id, at, actor_id, action, target_id, detail
    FROM audit_log
    ORDER BY id
"""

# Who an author is and what a topic is comes with the rebuild; what they count is known here.
AFTER = (
    """
    INSERT INTO topics AS kept (
        id, message_count, last_position, last_activity_at, last_author_id, activity_version
    )
    SELECT
        counted.topic_id, counted.message_count, counted.last_position, newest.created_at,
        newest.author_id, 1
    FROM (
        SELECT
            topic_id, count(*) FILTER (WHERE deleted_at IS NULL) AS message_count,
            max(position) AS last_position
        FROM messages
        GROUP BY topic_id
    ) AS counted
    LEFT JOIN LATERAL (
        SELECT created_at, author_id
        FROM messages
        WHERE topic_id = counted.topic_id AND deleted_at IS NULL
        ORDER BY position DESC
        LIMIT 1
    ) AS newest ON true
    ON CONFLICT (id) DO UPDATE
    SET message_count = excluded.message_count,
        last_position = excluded.last_position,
        last_activity_at = excluded.last_activity_at,
        last_author_id = excluded.last_author_id,
        activity_version = kept.activity_version + 1
    """,
    """
    INSERT INTO authors AS kept (id, username, display_name, message_count, count_version)
    SELECT
        author_id, 'user-' || author_id, 'user-' || author_id,
        count(*) FILTER (WHERE deleted_at IS NULL), 1
    FROM messages
    GROUP BY author_id
    ON CONFLICT (id) DO UPDATE
    SET message_count = excluded.message_count, count_version = kept.count_version + 1
    """,
    """
    UPDATE messages
    SET reactions = counted.reactions
    FROM (
        SELECT message_id, jsonb_object_agg(emoji, people) AS reactions
        FROM (
            SELECT message_id, emoji, count(*) AS people
            FROM reactions
            GROUP BY message_id, emoji
        ) AS one
        GROUP BY message_id
    ) AS counted
    WHERE messages.id = counted.message_id
    """,
    "SET CONSTRAINTS ALL IMMEDIATE",
    """
    SELECT setval(pg_get_serial_sequence('messages', 'id'), max(id))
    FROM messages
    HAVING max(id) IS NOT NULL
    """,
    """
    SELECT setval(pg_get_serial_sequence('audit_log', 'id'), max(id))
    FROM audit_log
    HAVING max(id) IS NOT NULL
    """,
    "ANALYZE topics, messages, reactions, revisions, authors",
)
