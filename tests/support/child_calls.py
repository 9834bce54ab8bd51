"""Calls of `sandbox_escapes` in a sandboxed child process, and whether a process is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from safelight.media.sandbox.entrypoints import EntryPoint


def in_child(function: str) -> EntryPoint:
    """An entry point of `sandbox_escapes`."""
    return EntryPoint(module="sandbox_escapes", function=function)


def until(true: Callable[[], bool], seconds: float = 60) -> bool:
    for _ in range(round(seconds / 0.05)):
        if true():
            return True
        time.sleep(0.05)
    return False


def gone(pid: int) -> bool:
    return until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def told_pid(file: Path) -> int:
    """The process id that `hang_and_tell` writes into this file."""
    assert until(lambda: file.exists() and file.read_text() != "")
    return int(file.read_text())
