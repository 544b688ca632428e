"""Work spread by Ray: one worker per GPU, each taking the next item when it is free."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from videoinv.errors import BadInputError, MissingExtraError, VideoInvError

RETRIES = 2
"""How often an item is begun anew after the machine or the process that worked on it was lost."""
CORES_PER_WORKER = 2
"""Where there is no GPU: the networks use several cores, but not well."""

ItemT_contra = TypeVar("ItemT_contra", contravariant=True)
ResultT_co = TypeVar("ResultT_co", covariant=True)
Item = TypeVar("Item")
Result = TypeVar("Result")


class Worker(Protocol[ItemT_contra, ResultT_co]):
    """Does items one after another with what it has loaded."""

    def work(self, item: ItemT_contra) -> ResultT_co:
        """Do one; raise nothing that another attempt could mend."""


@dataclass(frozen=True)
class Lost:
    """In place of a result: every attempt ended with its worker, or the work with a defect."""

    why: str


def spread(
    make_worker: Callable[[], Worker[Item, Result]], items: Sequence[Item], address: str
) -> Iterator[tuple[Item, Result | Lost]]:
    """Do the items on a Ray cluster; results come in the order in which they are ready.

    Args:
        make_worker: makes a worker, once on every GPU (without GPUs, for every few cores). It, the
            items and the results travel between machines.
        items: what to do. Paths in them must mean the same on all machines.
        address: 'local' for this machine alone, 'auto' for the cluster that it belongs to, or the
            address of another.

    Raises:
        MissingExtraError: if Ray is not installed.
        BadInputError: if there is no cluster at the address.
    """
    with _cluster(address) as ray:
        idle = _actors(ray, make_worker, len(items))
        waiting, running = deque(items), dict[Any, tuple[Any, Item]]()
        while waiting or running:
            while idle and waiting:
                actor, item = idle.pop(), waiting.popleft()
                running[actor.work.remote(item)] = actor, item
            done = ray.wait(list(running))[0][0]
            actor, item = running.pop(done)
            idle.append(actor)
            yield item, _result(ray, done)


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """The ray module, connected."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "--ray") from error
    try:
        ray.init(address=address, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise BadInputError(
            f"no Ray cluster at '{address}' ({reason}); start one with `ray start --head`, or take "
            "--ray local"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


class _Actor(Generic[Item, Result]):
    """A worker in a process of its own."""

    def __init__(self, make_worker: Callable[[], Worker[Item, Result]]) -> None:
        self._worker = make_worker()

    def work(self, item: Item) -> Result:
        return self._worker.work(item)


def _actors(ray: Any, make_worker: Callable[[], Worker[Item, Result]], most: int) -> list[Any]:
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    cores = int(resources.get("CPU", 1))
    count = gpus or max(1, cores // CORES_PER_WORKER)
    needs = {"num_gpus": 1} if gpus else {"num_cpus": min(cores, CORES_PER_WORKER)}
    remote = ray.remote(_Actor).options(max_restarts=-1, max_task_retries=RETRIES, **needs)
    return [remote.remote(make_worker) for _ in range(min(count, most))]


def _result(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        # An error that a worker tells of in words is the whole run's; others are this item's.
        if isinstance(error, VideoInvError):
            raise
        return Lost(str(error).splitlines()[-1])  # of a traceback
    except ray.exceptions.RayError as error:
        return Lost(str(error).splitlines()[0])
