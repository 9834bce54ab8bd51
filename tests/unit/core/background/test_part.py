from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Container

import pytest
from dbos._error import DBOSInitializationError
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError, OperationalError

from safelight.core.background.part import STALLED_S, UNCHANGED_S, UNREADY_AFTER, BackgroundPart
from safelight.core.errors import Conflict, StorageFull, Unavailable

ERRORS = [
    Unavailable("The database is busy."),
    StorageFull("The disk is full."),
    OperationalError("SELECT 1", None, Exception("server closed the connection unexpectedly")),
    IntegrityError("INSERT", None, Exception("UNIQUE constraint failed")),
    DBOSInitializationError("not launched"),
    Conflict("Another writer was first."),
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EIO, "Input/output error"),
    LookupError("several rows meet the conditions"),
]


def part(*tasks: Callable[[], object], stopping: threading.Event | None = None) -> BackgroundPart:
    names = {f"task {number}": task for number, task in enumerate(tasks)}
    return BackgroundPart("cleanup", names, interval_s=0.0, stopping=stopping or threading.Event())


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_thread_survives_every_error_and_works_on(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("safelight.core.background.part._RANDOM.uniform", lambda *_: 0.0)
    stopping, worked = threading.Event(), threading.Event()
    failures = iter(range(100))

    def task() -> None:
        if next(failures, None) is not None:
            raise error
        worked.set()

    made = part(task, stopping=stopping)
    made.start()
    assert worked.wait(60)
    stopping.set()
    made.join(60)
    health = made.health()
    assert (health.errors, health.problem) == (100, None)
    assert any(record.exc_info and record.exc_info[1] is error for record in caplog.records)


def test_a_failing_task_does_not_stop_the_others() -> None:
    done: list[str] = []

    def fails() -> None:
        raise OSError(errno.EIO, "Input/output error")

    made = part(fails, lambda: done.append("second"))
    made.run_all()
    made.run_all()
    assert done == ["second", "second"]


def test_a_part_is_unready_after_several_failures_in_a_row_and_ready_after_a_success() -> None:
    broken = True

    def task() -> None:
        if broken:
            raise OSError(errno.ENOSPC, "No space left on device")

    made = part(task)
    for _ in range(UNREADY_AFTER - 1):
        made.run_all()
    assert made.health().problem is None
    made.run_all()
    assert made.health().problem == f"task 0 failed {UNREADY_AFTER} times in a row, last with OSError"
    broken = False
    made.run_all()
    assert made.health().problem is None


def test_the_pause_after_a_failure_grows_and_has_jitter(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        raise OSError(errno.EIO, "Input/output error")

    made = part(fails)
    for _ in range(8):
        made.run_all()
    pauses = [record.args[3] for record in caplog.records if isinstance(record.args, tuple)]
    longest = [1.0, 2.0, *[4.0] * 6]
    assert len(pauses) == len(longest)
    for pause, most in zip(pauses, longest, strict=True):
        assert isinstance(pause, float)
        assert most / 2 <= pause <= most


def test_a_task_without_an_end_makes_the_part_unready() -> None:
    now, inside, go_on = [0.0], threading.Event(), threading.Event()

    def task() -> None:
        inside.set()
        go_on.wait()

    stopping = threading.Event()
    made = BackgroundPart(
        "cleanup", {"wait": task}, interval_s=1.0, stopping=stopping, monotonic=lambda: now[0]
    )
    made.start()
    inside.wait(60)
    assert made.health().problem is None
    now[0] = STALLED_S + 1
    assert made.health().problem == "wait has run for 121 s without an end"
    stopping.set()
    go_on.set()
    made.join(60)


def rounds_run(
    *versions: int | None, pause_s: float = 1.0, failing: bool = False, elsewhere: Container[int] = ()
) -> list[int]:
    """The rounds of a part in which its task ran. The data of the task have these versions, one per round."""
    number, ran = 0, list[int]()

    class Rounds(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            nonlocal number
            if number == len(versions) - 1:
                self.set()
            else:
                number += 1
            return self.is_set()

    def task() -> None:
        ran.append(number)
        if failing:
            raise OSError(errno.EIO, "Input/output error")

    made = BackgroundPart(
        "cleanup",
        {"task": task},
        interval_s=0.0,
        stopping=Rounds(),
        version=lambda: versions[number],
        monotonic=lambda: number * pause_s,
    )
    made.runs_elsewhere = lambda: number in elsewhere
    made.start()
    made.join(60)
    return ran


def test_a_task_is_left_out_while_its_data_do_not_change() -> None:
    assert rounds_run(1, 1, 1, 2, 2, 3) == [0, 3, 5]


def test_a_task_runs_all_the_same_after_some_time_for_what_is_due_by_the_clock() -> None:
    assert rounds_run(1, 1, 1, 1, 1, pause_s=UNCHANGED_S / 2) == [0, 2, 4]


def test_a_task_runs_in_every_round_where_nobody_knows_whether_its_data_changed() -> None:
    assert rounds_run(None, None, 1, None) == [0, 1, 2, 3]


def test_a_task_that_failed_runs_again_although_its_data_did_not_change() -> None:
    assert rounds_run(1, 1, failing=True) == [0, 1]


@given(st.sets(st.integers(0, 7)))
def test_a_part_runs_in_each_round_in_which_no_other_process_runs_it(elsewhere: set[int]) -> None:
    assert rounds_run(*[None] * 8, elsewhere=elsewhere) == sorted(set(range(8)) - elsewhere)


def test_a_part_that_another_process_runs_is_healthy_although_it_could_not_run_here() -> None:
    def fails() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    made = part(fails)
    for _ in range(UNREADY_AFTER):
        made.run_all()
    problem = made.health().problem
    made.runs_elsewhere = lambda: True
    assert (made.health().problem, made.problem()) == (None, problem)
    made.runs_elsewhere = lambda: False
    assert made.health().problem == problem is not None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_ended_thread_makes_the_part_unready() -> None:
    def task() -> None:
        raise SystemExit

    made = part(task)
    made.start()
    made.join(60)
    assert made.health().problem == "its thread has ended"
