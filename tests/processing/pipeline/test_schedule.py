"""What holds for every scheduler, and what is dask's own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import schedule_tasks as tasks

from idfd.errors import IdfdError, InputError, MissingDependencyError
from idfd.processing.pipeline import dask_cluster, worker
from idfd.processing.pipeline.dask_cluster import DaskScheduler
from idfd.processing.pipeline.schedule import Scheduler, open_scheduler

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


@pytest.fixture(scope="module", params=["local", "dask"])
def scheduler(request: pytest.FixtureRequest) -> Iterator[Scheduler]:
    """Shared by the tests: what one leaves behind must not disturb the next."""
    if request.param == "dask":
        pytest.importorskip("distributed")
    with open_scheduler(request.param, workers=2) as scheduler:
        yield scheduler


class TestScheduler:
    def test_a_failing_task_is_a_result(self, scheduler: Scheduler) -> None:
        results = dict(scheduler.run(tasks.fragile, range(7)))
        assert {n: r for n, r in results.items() if isinstance(r, int)} == {
            n: n * n for n in (0, 1, 2, 4, 6)
        }
        assert "ZeroDivisionError" in str(results[3])
        assert isinstance(results[5], InputError)
        assert str(results[5]) == "here: five. Do this."

    def test_a_bug_is_raised_with_its_traceback(self, scheduler: Scheduler) -> None:
        with pytest.raises(TypeError, match="has no len") as caught:
            list(scheduler.run(tasks.buggy, range(8)))
        trace = "".join(_format(caught.value))
        assert "return len(number)" in trace

    def test_no_tasks(self, scheduler: Scheduler) -> None:
        assert list(scheduler.run(tasks.fragile, [])) == []

    def test_only_the_task_that_kills_its_workers_fails(self, scheduler: Scheduler) -> None:
        results = dict(scheduler.run(tasks.deadly, range(9)))
        assert {n for n, r in results.items() if r == n} == set(range(9)) - {2}
        assert isinstance(results[2], IdfdError)
        assert "2 of them while it ran alone" in str(results[2])
        assert "memory" in str(results[2])

    def test_a_task_whose_worker_was_killed_runs_again(
        self, scheduler: Scheduler, tmp_path: Path
    ) -> None:
        results = list(scheduler.run(tasks.dies_once, [(str(tmp_path), n) for n in range(3)]))
        assert {number for _, number in results} == {0, 1, 2}
        assert len(results) == 3

    def test_tasks_are_taken_as_there_is_room(self, scheduler: Scheduler) -> None:
        taken = 0

        def endless() -> Iterator[int]:
            nonlocal taken
            while True:
                taken += 1
                yield taken

        run = scheduler.run(abs, endless())
        assert len(list(islice(run, 50))) == 50
        assert taken <= 50 + 64
        run.close()  # type: ignore[attr-defined]

    def test_a_run_that_was_left_does_not_disturb_the_next(self, scheduler: Scheduler) -> None:
        run = scheduler.run(tasks.slow, [0.3] * 8)
        next(run)
        run.close()  # type: ignore[attr-defined]
        assert dict(scheduler.run(abs, range(-20, 0))) == {n: -n for n in range(-20, 0)}

    def test_short_tasks_and_long_ones(self, scheduler: Scheduler) -> None:
        pauses = [0.0] * 40 + [0.3] * 5 + [0.0] * 15
        results = list(scheduler.run(tasks.slow, pauses))
        assert sorted(pause for pause, _ in results) == sorted(pauses)
        # Long ones that had been sent out together are spread over the workers.
        assert len({pid for pause, pid in results if pause}) == 2

    def test_workers_have_one_thread(self, scheduler: Scheduler) -> None:
        for _, result in scheduler.run(tasks.threads, range(6)):
            assert not isinstance(result, IdfdError)
            assert result[:3] == (1, "1", "1")
            assert result[3] != os.getpid()

    def test_results_are_the_same_to_the_bit(self, scheduler: Scheduler) -> None:
        alone = dict(tasks.run_tasks(tasks.bits, range(12), workers=1))
        assert all(isinstance(result, bytes) for result in alone.values())
        assert dict(scheduler.run(tasks.bits, range(12))) == alone

    def test_large_results_and_tasks_pass(self, scheduler: Scheduler) -> None:
        for number, result in scheduler.run(tasks.large, range(4)):
            assert result == tasks.large(number)
        blob = bytes(3_000_000)
        assert [result for _, result in scheduler.run(len, [blob] * 4)] == [len(blob)] * 4


def test_an_unknown_scheduler_is_refused() -> None:
    with pytest.raises(InputError, match="not a scheduler") as caught:
        open_scheduler("slurm", 2)
    assert "local, dask" in str(caught.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependencyError, match=r"idfd\[cluster\]"):
        open_scheduler("dask", 2)


def test_a_scheduler_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(dask_cluster, "_PATIENCE_S", 1.0)
    start = time.monotonic()
    with pytest.raises(InputError, match="no dask scheduler answers") as caught:
        open_scheduler("tcp://127.0.0.1:1", 2)
    assert caught.value.where == "tcp://127.0.0.1:1"
    assert time.monotonic() - start < 10
    with pytest.raises(InputError, match="no dask scheduler answers"):
        open_scheduler("tcp://no port", 2)


def test_a_cluster_without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(dask_cluster, "_PATIENCE_S", 1.0)

    def cluster_alone() -> Any:
        return distributed.LocalCluster(n_workers=0, dashboard_address=None)

    try:
        alone = cluster_alone()
    except AssertionError:  # dask gives its loop ten seconds, which a busy machine may exceed
        alone = cluster_alone()
    with alone as cluster, pytest.raises(InputError, match="no workers") as caught:
        open_scheduler(cluster.scheduler_address, 2)
    assert f"dask worker {cluster.scheduler_address}" in str(caught.value)


def test_short_tasks_share_the_way_to_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    sent: list[int] = []
    submit = distributed.Client.submit

    def counted(
        client: Any, work: Any, function: Any, some: list[Any], *rest: Any, **how: Any
    ) -> Any:
        sent.append(len(some))
        return submit(client, work, function, some, *rest, **how)

    monkeypatch.setattr(distributed.Client, "submit", counted)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        DaskScheduler(cluster.scheduler_address, 1) as scheduler,
    ):
        for _ in range(2):  # what was learnt of one run's tasks is not taken for the next one's
            sent.clear()
            assert len(list(scheduler.run(abs, range(100)))) == 100
            assert sent[0] == 1
            assert max(sent) == 8
            assert len(sent) < 35
        sent.clear()
        assert len(list(scheduler.run(tasks.slow, [0.3] * 6))) == 6
        assert sent == [1] * 6


def test_results_that_died_with_their_worker_are_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where dask has given up the worker, and waits for another for ever."""
    pytest.importorskip("distributed")
    monkeypatch.setattr(dask_cluster, "_LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(dask_cluster, "_LONGEST_BEFORE_REVIVAL_S", 1.0)
    with DaskScheduler(None, 1) as scheduler:
        gather = scheduler._client.gather

        async def late(*args: Any, **how: Any) -> Any:
            while args[0][0].status == "pending":
                await asyncio.sleep(0.01)
            scheduler._cluster.scale(0)
            while scheduler._client.scheduler_info()["workers"]:
                await asyncio.sleep(0.05)
            return await gather(*args, **how)

        monkeypatch.setattr(scheduler._client, "gather", late)
        assert list(scheduler.run(abs, [-1])) == [(-1, 1)]


@pytest.mark.slow
def test_workers_that_dask_gave_up_are_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(dask_cluster, "_LOOK_EVERY_S", 0.5)
    scheduler = open_scheduler("dask", 1)
    assert isinstance(scheduler, dask_cluster.DaskScheduler)
    with scheduler:
        scheduler._cluster.scale(0)
        while scheduler._client.nthreads():
            time.sleep(0.05)
        monkeypatch.setattr(dask_cluster, "_LONGEST_BEFORE_REVIVAL_S", 4.0)
        assert list(scheduler.run(abs, [-1])) == [(-1, 1)]


def test_workers_with_other_code_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    main, real = threading.main_thread().name, worker.identity()

    def identity() -> dict[str, str]:
        # The worker of this test is a thread of the same process.
        ours = threading.current_thread().name == main
        return {**real, "numpy": "0.0"} if ours else real

    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
    ) as cluster:
        with open_scheduler(cluster.scheduler_address, 2) as scheduler:
            assert list(scheduler.run(abs, [-1])) == [(-1, 1)]
            monkeypatch.setattr(dask_cluster, "identity", identity)
            with pytest.raises(InputError, match="came later.* numpy .* instead of 0.0"):
                list(scheduler.run(abs, [-1]))
        with pytest.raises(InputError, match="numpy .* instead of 0.0") as caught:
            open_scheduler(cluster.scheduler_address, 2)
    assert "tcp://" in str(caught.value)


@pytest.mark.slow
def test_a_cluster_of_its_own_and_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an operator starts it, by dask's own commands; then its scheduler is killed."""
    pytest.importorskip("distributed")
    file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    environment = {**os.environ, "PYTHONPATH": f"{HERE}:{ROOT}"}
    cluster = [
        subprocess.Popen([*dask, *command, *common], stderr=subprocess.DEVNULL, env=environment)
        for command in (["scheduler", "--port", "0"], ["worker", "--nthreads", "1"])
    ]
    try:
        while not file.exists():
            assert cluster[0].poll() is None
            time.sleep(0.05)
        monkeypatch.setattr(dask_cluster, "_PATIENCE_S", 15.0)
        with open_scheduler(json.loads(file.read_text())["address"], 2) as scheduler:
            for _, result in scheduler.run(tasks.threads, range(3)):
                assert not isinstance(result, IdfdError)
                assert result[:3] == (1, "1", "1")
            run = scheduler.run(tasks.slow, [0.1] * 200)
            next(run)
            cluster[0].kill()
            with pytest.raises(IdfdError, match="scheduler has gone"):
                list(run)
    finally:
        for process in reversed(cluster):
            process.terminate()
            process.wait()


def _format(error: BaseException) -> list[str]:
    return traceback.format_exception(type(error), error, error.__traceback__)
