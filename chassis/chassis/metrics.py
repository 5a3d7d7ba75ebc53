"""What Prometheus reads at `/metrics`: requests by route, and what other modules count."""

from functools import cache

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from starlette.responses import Response

REQUESTS = Counter("http_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time from the request's head to the answer's end.",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request. `route` is the pattern, not the path: paths have no end of values."""
    requests, durations = _of(method, route, status)
    requests.inc()
    durations.observe(seconds)


@cache
def _of(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, str(status)), SECONDS.labels(method, route)


async def metrics() -> Response:
    """The endpoint; not routed from outside."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
