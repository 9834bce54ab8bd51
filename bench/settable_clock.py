"""A clock that is set while the process runs. Imported before everything that keeps `time.time`."""

from __future__ import annotations

import signal
import time

JUMP_S = 3600.0
_real = time.time
_offset_s = [0.0]


def _now() -> float:
    return _real() + _offset_s[0]


time.time = _now


def follow_signals() -> None:
    """SIGUSR1 sets the clock ahead, SIGUSR2 back."""
    signal.signal(signal.SIGUSR1, lambda *_: _offset_s.__setitem__(0, JUMP_S))
    signal.signal(signal.SIGUSR2, lambda *_: _offset_s.__setitem__(0, 0.0))
