"""`scripts/bench` runs whole, on a forum as small as it gets; its figures are not judged here."""

import re
import subprocess
import sys

from forum.places import ROOT


def test_the_benchmark_measures_everything_and_prints_it() -> None:
    size = ["--topics", "60", "--messages", "900", "--rounds", "1", "--seconds", "0.3"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "bench"), *size],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^(\S.*?) {2,}(\d+)( .*)?$", done.stdout, re.MULTILINE)
    measured = [words for words, cpu, _ in rows if int(cpu) > 0]
    assert {
        "bare endpoint, one row",
        "bare endpoint, twenty rows",
        "monolith: POST /api/messages",
        "services: POST /api/messages",
        "services: relay and consumers, for each POST",
        "memory of messages, MiB",
    } <= set(measured)
    assert len(re.findall(r" against .* \d+\.\d\d {4,}\d\.\d\d", done.stdout)) == 10
