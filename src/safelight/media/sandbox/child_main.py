"""Main program of a sandboxed child: confines itself first, then serves calls until the gateway ends it.

Started as `python -m safelight.media.sandbox.child_main`. An entry point has the signature
`(argument, channel) -> result`.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import os
import select
import sys
import threading
import traceback
from typing import Any

import msgspec

from safelight.core import errors
from safelight.media.sandbox import ipc
from safelight.media.sandbox.confinement import ConfinementSpec, Isolation, Limits, allow_cpu_seconds, confine
from safelight.media.sandbox.entrypoints import EntryPoint

#: If a child gets no call for this number of seconds, it releases memory.
_IDLE_S = 1.0


class ChildChannel:
    """Connection of an entry point to the gateway while the entry point runs."""

    def __init__(self, inbox: int, outbox: int, limits: Limits) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._limit = limits.message_bytes

    def progress(self, value: Any) -> None:
        """Send a small serialisable value to the progress callback of the gateway."""
        self.send({"kind": "progress", "value": value})

    def sign(self, data: bytes) -> bytes:
        """Returns these bytes signed by the gateway; the signing key never enters the child."""
        self.send({"kind": "sign", "data": data})
        reply = self.receive()
        if reply.get("kind") != "signed":
            raise RuntimeError(reply.get("message", "the gateway refused to sign"))
        signature: bytes = reply["data"]
        return signature

    def send(self, message: Any) -> None:
        ipc.send(self._outbox, message, limit=self._limit)

    def receive(self) -> Any:
        return ipc.receive(self._inbox, limit=self._limit)

    def receive_call(self) -> Any:
        """Receive the next call and accept it.

        After the acceptance, a crash is attributed to this call.
        """
        call = self.receive()
        self.send({"kind": "accepted"})
        return call

    def send_ready(self, isolation: Isolation) -> None:
        """Report that the child is ready, and which protections are in force."""
        self.send({"kind": "ready", "isolation": msgspec.to_builtins(isolation)})


def main(arguments: list[str]) -> None:
    inbox, outbox, lifeline = (int(number) for number in arguments[:3])
    spec = msgspec.json.decode(arguments[3].encode(), type=ConfinementSpec)
    limits, isolation = spec.limits or Limits(), confine(spec)
    faulthandler.enable()
    threading.Thread(target=_exit_with_parent, args=(lifeline,), daemon=True, name="lifeline").start()
    channel = ChildChannel(inbox, outbox, limits)
    channel.send_ready(isolation)
    while True:
        if not select.select([inbox], [], [], _IDLE_S)[0]:
            release_memory()
        try:
            call = channel.receive_call()
        except EOFError:
            break
        channel.send(run_call(call, channel, limits))
    # End the process at once: threads and destructors of native libraries could delay a normal exit.
    os._exit(0)


def release_memory() -> None:
    """Return the working memory of the last call to the system; models stay loaded."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)


def _exit_with_parent(lifeline: int) -> None:
    """End this process when the gateway ends.

    The gateway never writes to this pipe, so that a read returns only when the gateway closes it.
    """
    while os.read(lifeline, 1):
        pass
    os._exit(1)


def run_call(call: dict[str, Any], channel: ChildChannel, limits: Limits) -> dict[str, Any]:
    """Run a call and return its reply message, which has either the result or the error."""
    allow_cpu_seconds(limits.cpu_s)
    try:
        result = msgspec.convert(call["entry_point"], EntryPoint).load()(call["argument"], channel)
        message = {"kind": "result", "value": msgspec.to_builtins(result, builtin_types=(bytes,))}
        ipc.encode(message, limit=limits.message_bytes)
    except errors.SafelightError as error:
        return {
            "kind": "refused",
            "error": type(error).__name__,
            "message": error.message,
            "param": error.param,
            "remedy": error.remedy,
        }
    except MemoryError:
        return {"kind": "memory"}
    except BaseException as error:
        traceback.print_exc()
        sys.stderr.flush()
        return {"kind": "raised", "message": f"{type(error).__name__}: {error}"[:2000]}
    return message


if __name__ == "__main__":
    main(sys.argv[1:])
