"""`scripts/bench`: start forums, fill them, measure them in turn, print what a request costs."""

import argparse
import contextlib

from benchmark import report, run
from benchmark.load import get


def main() -> None:
    """Run the whole benchmark."""
    arguments = _arguments()
    samples = run.Samples()
    with contextlib.ExitStack() as running:
        few = running.enter_context(run.subject("services, small", run.FEW_TOPICS, 0))
        size = (arguments.topics, arguments.messages)
        monolith = running.enter_context(run.subject("monolith", *size))
        services = running.enter_context(run.subject("services", *size))
        floor = running.enter_context(run.floor(monolith.forum))
        for number in range(1, arguments.rounds + 1):
            print(f"round {number} of {arguments.rounds} …", flush=True)
            _round(samples, floor, monolith, services, few, arguments.seconds)
        memory = run.memory(services)
        lags = services.lags()
    report.show(samples, memory, lags)


def _round(
    samples: run.Samples,
    floor: run.Target,
    monolith: run.Subject,
    services: run.Subject,
    few: run.Subject,
    seconds: float,
) -> None:
    samples.add("floor one", floor.measure(lambda: get("/things/7"), seconds))
    samples.add("floor twenty", floor.measure(lambda: get("/things"), seconds))
    for name, subject in (("monolith", monolith), ("services", services)):
        for read, target, request in subject.reads():
            samples.add(f"{name} {read}", target.measure(request, seconds))
        run.measure_posts(name, subject, samples, seconds)
    _, target, request = next(few.reads())
    samples.add("few list", target.measure(request, seconds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="What a request costs: the services and the monolith against a bare FastAPI"
        " and psycopg endpoint, measured in turn, over loopback, without a gateway.",
    )
    parser.add_argument("--topics", type=int, default=2000, help="in the forum (2,000)")
    parser.add_argument("--messages", type=int, default=40_000, help="in the forum (40,000)")
    parser.add_argument("--rounds", type=int, default=3, help="the medians are of these (3)")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each drive (3)")
    return parser.parse_args()
