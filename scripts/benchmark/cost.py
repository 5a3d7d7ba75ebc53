"""CPU and memory of process trees, as the kernel accounts them."""

from collections.abc import Sequence

import psutil


def cpu_seconds(roots: Sequence[int]) -> float:
    """User and system time so far of these processes and all that they started, ended ones too."""
    total = 0.0
    for root in roots:
        for process in _tree(root):
            times = process.cpu_times()
            total += times.user + times.system
            # Of children that ended and were waited for, for example a database's workers.
            total += times.children_user + times.children_system
    return total


def memory_mib(root: int) -> float:
    """Resident memory of a process and what it started, in MiB."""
    return float(sum(process.memory_info().rss for process in _tree(root))) / 2**20


def _tree(root: int) -> list[psutil.Process]:
    process = psutil.Process(root)
    return [process, *process.children(recursive=True)]
