"""The figures of a run as two tables: what each request costs, and the ratios that have a limit."""

from benchmark.run import Sample, Samples

ROWS = (
    ("floor one", "bare endpoint, one row"),
    ("floor twenty", "bare endpoint, twenty rows"),
    *(
        (f"{kind} {name}", f"{kind}: {what}")
        for name, what in (
            ("list", "GET /api/topics?limit=20"),
            ("topic", "GET /api/topics/{id}"),
            ("messages", "GET /api/messages?topic_id=…&limit=20"),
            ("first page", "the same, long topic, first page"),
            ("last page", "the same, long topic, last page"),
            ("post", "POST /api/messages"),
            ("events", "relay and consumers, for each POST"),
        )
        for kind in ("monolith", "services")
        if (kind, name) != ("monolith", "events")
    ),
    ("few list", "services: GET /api/topics?limit=20, 1,000 topics"),
)
RATIOS = (
    ("GET /api/topics?limit=20 against 20 rows", "services list", "floor twenty", 1.5),
    ("GET /api/messages?topic_id=… against 20 rows", "services messages", "floor twenty", 1.5),
    ("GET /api/topics/{id} against one row", "services topic", "floor one", 1.4),
    ("POST /api/messages against one row", "services post", "floor one", 6.0),
    ("list, services against monolith", "services list", "monolith list", 1.25),
    ("messages, services against monolith", "services messages", "monolith messages", 1.25),
    ("topic, services against monolith", "services topic", "monolith topic", 1.25),
    ("POST, services against monolith", "services post", "monolith post", 1.25),
    ("last page against first page", "services last page", "services first page", 1.2),
    ("list, many topics against 1,000", "services list", "few list", 1.2),
)


def show(samples: Samples, memory: dict[str, float], lags: list[float]) -> None:
    """Print both tables."""
    print(f"\n{'medians':<52} {'CPU µs':>8} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8}")
    for name, words in ROWS:
        sample = samples.median(name)
        print(f"{words:<52} {_figures(sample)}")
    print(f"\n{'ratios of CPU for each request':<52} {'is':>8} {'at most':>8}")
    for words, above, below, most in RATIOS:
        ratio = samples.median(above).cpu / samples.median(below).cpu
        mark = "" if ratio <= most else "   over"
        print(f"{words:<52} {ratio:>8.2f} {most:>8.2f}{mark}")
    for name, mebibytes in memory.items():
        mark = "" if mebibytes <= 100 else "   over"
        print(f"{'memory of ' + name + ', MiB':<52} {mebibytes:>8.0f} {100:>8}{mark}")
    late = lags[int(len(lags) * 0.99)]
    mark = "" if late <= 100 else "   over"
    print(f"{'a counter behind its POST, p99, ms':<52} {late:>8.0f} {100:>8}{mark}")


def _figures(sample: Sample) -> str:
    if not sample.per_second:
        return f"{sample.cpu:>8.0f}"
    return f"{sample.cpu:>8.0f} {sample.per_second:>8.0f} {sample.p50:>8.2f} {sample.p99:>8.2f}"
