"""The SQL of loading and dumping the messages of a forum archive."""

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

COPY_AUDIT = "COPY audit_log (domain, id, at, actor_id, action, target_id, detail) FROM STDIN"
SELECT_AUDIT = """
    SELECT id, at, actor_id, action, target_id, detail
    FROM audit_log
    WHERE domain = 'messages'
    ORDER BY id
"""

AFTER = (
    """
    UPDATE topics
    SET message_count = counted.message_count,
        last_position = counted.last_position,
        last_activity_at = coalesce(newest.created_at, topics.created_at),
        last_author_id = newest.author_id
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
    WHERE topics.id = counted.topic_id
    """,
    """
    UPDATE users
    SET message_count = counted.messages
    FROM (
        SELECT author_id, count(*) AS messages
        FROM messages
        WHERE deleted_at IS NULL
        GROUP BY author_id
    ) AS counted
    WHERE users.id = counted.author_id
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
    """
    SELECT setval(pg_get_serial_sequence('messages', 'id'), max(id))
    FROM messages
    HAVING max(id) IS NOT NULL
    """,
)
