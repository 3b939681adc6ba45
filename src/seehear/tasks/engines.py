"""Run one function over many items: in this process, in a pool of processes, or on Ray."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Literal, TypeVar

from seehear.errors import MissingDependency

Item = TypeVar("Item")
Value = TypeVar("Value")
Engine = Literal["pool", "ray"]


def run_all(
    function: Callable[[Item], Value], items: Sequence[Item], engine: Engine, workers: int = 0
) -> Iterator[Value]:
    """Yield results as they are ready, in any order.

    Args:
        function: at module level, so that it can be sent to other processes.
        items: what to call it with; they are sent too.
        engine: `pool` on this machine; `ray` on the cluster that Ray is told of by its own
            environment variables, else on this machine.
        workers: processes of the pool; 0 is one per core that this process may use, 1 uses none.

    Raises:
        MissingDependency: Ray is asked for and not installed.
    """
    if engine == "ray":
        return _run_on_ray(function, items)
    workers = workers or len(os.sched_getaffinity(0))
    if min(workers, len(items)) <= 1:
        return map(function, items)
    return _run_in_pool(function, items, workers)


def _run_in_pool(
    function: Callable[[Item], Value], items: Sequence[Item], workers: int
) -> Iterator[Value]:
    # Fresh processes: a fork would copy torch's threads in an undefined state.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(items)), mp_context=context)
    try:
        for future in as_completed([pool.submit(function, item) for item in items]):
            yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _run_on_ray(function: Callable[[Item], Value], items: Sequence[Item]) -> Iterator[Value]:
    try:
        import ray
    except ImportError as error:
        raise MissingDependency("ray", "ray", "--engine ray") from error
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    remote: Any = ray.remote(function)
    waiting = [remote.remote(item) for item in items]
    while waiting:
        ready, waiting = ray.wait(waiting, num_returns=1)
        yield from ray.get(ready)
