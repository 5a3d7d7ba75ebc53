"""Rate limits, counted in the service's own database, so that all its replicas share them.

The generic cell rate algorithm (GCRA): one time stamp for each key says when its bucket is full
again. One autocommit statement counts, before and outside the request's transaction: a request that
fails has been made all the same.
"""

import math
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from chassis.database import Database
from chassis.problems import TooManyRequests

headers: ContextVar[dict[str, str] | None] = ContextVar("rate_limit_headers", default=None)

# A refused request moves nothing: the WHERE keeps the time stamp, and RETURNING is then empty.
TAKE = """
WITH taken AS (
    INSERT INTO rate_limits AS bucket (key, full_at)
    VALUES (%(key)s, clock_timestamp() + %(step)s * interval '1 second')
    ON CONFLICT (key) DO UPDATE
    SET full_at = greatest(bucket.full_at, clock_timestamp()) + %(step)s * interval '1 second'
    WHERE bucket.full_at <= clock_timestamp() + %(tolerance)s * interval '1 second'
    RETURNING full_at
)
SELECT
    coalesce(
        (SELECT extract(epoch FROM full_at - clock_timestamp()) FROM taken),
        (
            SELECT extract(epoch FROM full_at - clock_timestamp())
            FROM rate_limits
            WHERE key = %(key)s
        )
    )::double precision AS wait,
    EXISTS (SELECT FROM taken) AS allowed
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """`burst` requests at once, after which `period` seconds give that many back, evenly."""

    name: str
    burst: int
    period: float

    @property
    def step(self) -> float:
        """Seconds that one request costs."""
        return self.period / self.burst


class Limiter:
    """Takes requests out of buckets."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def take(self, policy: Policy, key: str) -> None:
        """Count one request of `key`; 429 where the bucket is empty. Sets the RateLimit headers."""
        values: dict[str, Any] = {
            "key": f"{policy.name}:{key}",
            "step": policy.step,
            "tolerance": policy.period - policy.step,
        }
        async with self._db.connection() as conn:
            row = await (await conn.execute(TAKE, values)).fetchone()
        assert row is not None  # noqa: S101 -- a SELECT without FROM has one row
        wait = max(row["wait"] or 0.0, 0.0)
        left = math.floor((policy.period - wait) / policy.step + 1e-6) if row["allowed"] else 0
        retry = wait - (policy.period - policy.step) if left == 0 else wait
        seconds = max(1, math.ceil(retry))
        limited = {
            "ratelimit-policy": f'"{policy.name}";q={policy.burst};w={math.ceil(policy.period)}',
            "ratelimit": f'"{policy.name}";r={max(left, 0)};t={seconds}',
        }
        headers.set(limited)
        if not row["allowed"]:
            raise TooManyRequests(
                f"The limit is {policy.burst} in {policy.period:g} s. Try again in {seconds} s.",
                headers={"Retry-After": str(seconds)},
            )
