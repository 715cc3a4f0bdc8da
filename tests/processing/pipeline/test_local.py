"""What is the local scheduler's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import schedule_tasks as tasks
from killing_workers import workers_of

from idfd.errors import IdfdError
from idfd.processing.pipeline import local
from idfd.processing.pipeline.local import LocalScheduler, default_workers

HERE = str(Path(__file__).parent)
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for workers in /proc")


def test_run_tasks_ends_its_workers() -> None:
    results = dict(tasks.run_tasks(tasks.slow, [0.0, 0.01, 0.02], workers=2))
    assert len(results) == 3
    for pid in set(results.values()):
        assert isinstance(pid, int)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_default_workers_are_the_cores_that_may_be_used() -> None:
    assert 1 <= default_workers() <= (os.cpu_count() or 1)


def test_workers_are_started_as_they_are_needed() -> None:
    with LocalScheduler(8) as scheduler:
        list(scheduler.run(abs, [1]))
        assert len(scheduler._workers) == 1


@linux
def test_tasks_that_fail_in_company_succeed_alone(tmp_path: Path) -> None:
    jobs = [(str(tmp_path), number) for number in range(6)]
    results = list(tasks.run_tasks(tasks.dies_in_company, jobs, workers=2))
    assert sorted(number for _, number in results if isinstance(number, int)) == list(range(6))


def test_the_error_says_how_the_worker_ended() -> None:
    results = dict(tasks.run_tasks(tasks.leaving, [1], workers=2))
    assert "exit code 7" in str(results[1])
    assert "SIGKILL" in str(dict(tasks.run_tasks(tasks.deadly, [2], workers=1))[2])


def test_exceptions_that_cannot_be_pickled_are_told() -> None:
    with LocalScheduler(1) as scheduler:
        with pytest.raises(RuntimeError, match="AwkwardError: awkward"):
            list(scheduler.run(tasks.awkward, [1]))
        with pytest.raises(Exception, match="pickle"):
            list(scheduler.run(tasks.unpicklable, [1]))
        assert list(scheduler.run(abs, [-1])) == [(-1, 1)]


def test_a_task_that_cannot_be_pickled_is_a_bug_here() -> None:
    with LocalScheduler(1) as scheduler:
        with pytest.raises(Exception, match="pickle"):
            list(scheduler.run(str, [lambda: 1]))
        assert list(scheduler.run(abs, [-1])) == [(-1, 1)]


def test_workers_that_cannot_start_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_serve", tasks.leaving)
    with pytest.raises(IdfdError, match="ended as they started .exit code 7"):
        list(tasks.run_tasks(abs, [1], workers=1))


def test_the_environment_is_as_before() -> None:
    before = dict(os.environ)
    list(tasks.run_tasks(abs, [1], workers=1))
    assert dict(os.environ) == before


@linux
@pytest.mark.parametrize(("which", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_workers_end_with_their_driver(which: signal.Signals, code: int, tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(
        "import signal, sys\n"
        "from schedule_tasks import run_tasks\n"
        "import schedule_tasks\n"
        "if __name__ == '__main__':\n"
        # Shells let what they start in the background ignore SIGINT, and children inherit it.
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "    try:\n"
        "        for _ in run_tasks(schedule_tasks.slow, [0, 0, 1.5, 1.5, 1.5, 1.5], 2):\n"
        "            print('done', flush=True)\n"
        "    except KeyboardInterrupt:\n"
        "        sys.exit(130)\n"
    )
    driver = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": HERE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert driver.stdout is not None
    assert driver.stdout.readline() == "done\n"
    assert driver.stdout.readline() == "done\n"
    time.sleep(0.2)
    workers = workers_of(driver.pid)
    assert len(workers) == 2
    start = time.monotonic()
    if which == signal.SIGINT:
        os.killpg(driver.pid, which)  # as the terminal does
    else:
        driver.kill()
    _, said = driver.communicate(timeout=30)
    took = time.monotonic() - start
    assert driver.returncode == code
    assert said == ""
    if which == signal.SIGINT:
        assert took < 1.4  # the tasks were not waited for
    deadline = time.monotonic() + 20
    while any(tasks._alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(tasks._alive(pid) for pid in workers)
