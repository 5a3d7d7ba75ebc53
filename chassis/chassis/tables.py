"""The technical tables that a service may hold, as the SQL that its migrations run.

A migration that has run somewhere can never change, so neither can these texts: a new shape
of a table is a new constant (`OUTBOX_2`) that alters the one before.
"""

# Losing the counts in a crash of the database costs nothing, so they are not written ahead.
# `full_at` has no index: each request moves it, and without one the row is changed in its place.
LIMITS_1 = """
CREATE UNLOGGED TABLE rate_limits (
    key text PRIMARY KEY,
    full_at timestamptz NOT NULL
);
"""

# Status, headers and body stay null between the claim of a key and the end of the same
# transaction. `user_id` names the person whose data a guest's record holds.
IDEMPOTENCY_1 = """
CREATE TABLE idempotency_keys (
    owner text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    user_id bigint,
    status smallint,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, route, key)
);
CREATE INDEX idempotency_keys_user_id ON idempotency_keys (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX idempotency_keys_created_at ON idempotency_keys USING brin (created_at);
"""

# `id` is the order of writing, `seq` the order of sending: see chassis.relay.
OUTBOX_1 = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seq bigint,
    event_id uuid NOT NULL DEFAULT gen_random_uuid(),
    type text NOT NULL,
    subject text NOT NULL,
    data jsonb NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX outbox_seq ON outbox (seq) WHERE seq IS NOT NULL;
CREATE INDEX outbox_unstamped ON outbox (id) WHERE seq IS NULL;
CREATE TABLE relay_cursors (
    subscriber text PRIMARY KEY,
    seq bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE relay_marks (
    at timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
    seq bigint NOT NULL
);
CREATE TABLE dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscriber text NOT NULL,
    outbox_id bigint NOT NULL REFERENCES outbox (id),
    tries smallint NOT NULL,
    reason text NOT NULL,
    next_try_at timestamptz,
    UNIQUE (outbox_id, subscriber)
);
CREATE INDEX dead_letters_due ON dead_letters (subscriber, next_try_at)
    WHERE next_try_at IS NOT NULL;
"""

INBOX_1 = """
CREATE TABLE inbox (
    source text NOT NULL,
    event_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, event_id)
);
CREATE INDEX inbox_received_at ON inbox USING brin (received_at);
"""

KEY_SET_1 = """
CREATE TABLE key_set (
    kid text PRIMARY KEY,
    jwk jsonb NOT NULL,
    fetched_at timestamptz NOT NULL DEFAULT now()
);
"""
