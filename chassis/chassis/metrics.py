"""What Prometheus reads at `/metrics`: requests by route, and what other modules count."""

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
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)


async def metrics() -> Response:
    """The endpoint; not routed from outside."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
