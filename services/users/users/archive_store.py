"""The SQL of loading and dumping this service's part of a forum archive."""

LOCK = """
    LOCK TABLE users, sessions, refresh_tokens, signing_keys, audit_log
    IN SHARE ROW EXCLUSIVE MODE
"""
OCCUPIED = """
    SELECT
        EXISTS (SELECT FROM users)
        OR EXISTS (SELECT FROM audit_log) AS found
"""

COPY_USERS = """
    COPY users (
        id, username, display_name, bio, avatar_url, role, suspended, suspension_reason,
        suspended_until, suspended_by, erased_at, retired_name_hash, created_at, updated_at, version
    )
    FROM STDIN
"""
SELECT_USERS = """
    SELECT
        id, username, display_name, bio, avatar_url, role, suspended AS suspension, erased_at,
        encode(retired_name_hash, 'hex') AS retired_name_hash, created_at, updated_at, version,
        suspension_reason, suspended_until AS suspension_until, suspended_by AS suspension_by
    FROM users
    ORDER BY id
"""

COPY_AUDIT = "COPY audit_log (id, at, actor_id, action, target_id, detail) FROM STDIN"
SELECT_AUDIT = """
    SELECT id, at, actor_id, action, target_id, detail
    FROM audit_log
    ORDER BY id
"""

# The keys that an empty service made for itself have signed nothing that anyone holds.
BEFORE_CREDENTIALS = (
    "DELETE FROM signing_keys",
    """
    CREATE TEMPORARY TABLE logins (
        user_id bigint PRIMARY KEY,
        email text COLLATE pg_c_utf8,
        password_hash text
    )
    ON COMMIT DROP
    """,
    "CREATE UNIQUE INDEX logins_email ON logins (lower(email))",
)
COPY_LOGINS = "COPY logins (user_id, email, password_hash) FROM STDIN"
SELECT_LOGINS = """
    SELECT 'login' AS kind, id AS user_id, email, password_hash
    FROM users
    WHERE email IS NOT NULL OR password_hash IS NOT NULL
    ORDER BY id
"""
COPY_SESSIONS = """
    COPY sessions (
        id, user_id, created_at, last_used_at, user_agent, address, expires_at, revoked_at
    )
    FROM STDIN
"""
SELECT_SESSIONS = """
    SELECT
        'session' AS kind, id, user_id, created_at, last_used_at, user_agent, address, expires_at,
        revoked_at
    FROM sessions
    ORDER BY id
"""
COPY_REFRESH_TOKENS = "COPY refresh_tokens (hash, session_id, created_at, used_at) FROM STDIN"
SELECT_REFRESH_TOKENS = """
    SELECT
        'refresh_token' AS kind, encode(refresh_tokens.hash, 'hex') AS hash, session_id, created_at,
        used_at
    FROM refresh_tokens
    ORDER BY refresh_tokens.hash
"""
COPY_SIGNING_KEYS = """
    COPY signing_keys (kid, private_pem, public_jwk, created_at, signs_from)
    FROM STDIN
"""
SELECT_SIGNING_KEYS = """
    SELECT 'signing_key' AS kind, kid, private_pem, public_jwk, created_at, signs_from
    FROM signing_keys
    ORDER BY kid COLLATE "C"
"""
AFTER_CREDENTIALS = (
    """
    UPDATE users
    SET email = logins.email, password_hash = logins.password_hash
    FROM logins
    WHERE logins.user_id = users.id
    """,
    """
    SELECT setval(pg_get_serial_sequence('sessions', 'id'), max(id))
    FROM sessions
    HAVING max(id) IS NOT NULL
    """,
)

AFTER = (
    """
    SELECT setval(pg_get_serial_sequence('users', 'id'), max(id))
    FROM users
    HAVING max(id) IS NOT NULL
    """,
    """
    SELECT setval(pg_get_serial_sequence('audit_log', 'id'), max(id))
    FROM audit_log
    HAVING max(id) IS NOT NULL
    """,
    "ANALYZE users",
)
