"""The inside of a sandboxed child: shut in first, then answer calls until told to stop.

Started as `python -m safelight.sandbox.child_main`; a function it runs is `(argument, link) -> answer`.
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

from safelight import errors
from safelight.sandbox import ipc
from safelight.sandbox.confinement import ConfinementSpec, Isolation, Limits, allow_cpu, confine
from safelight.sandbox.entrypoints import EntryPoint

#: Seconds without a call after which a child gives memory back.
_IDLE_S = 1.0


class ChildChannel:
    """What a function in the child may say to the gateway while it works."""

    def __init__(self, inbox: int, outbox: int, limits: Limits) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._limit = limits.message_bytes

    def progress(self, value: Any) -> None:
        """Tell the gateway's progress callback something small and serialisable."""
        self.send({"kind": "progress", "value": value})

    def sign(self, data: bytes) -> bytes:
        """Have the gateway's signer sign these bytes; the key never comes here."""
        self.send({"kind": "sign", "data": data})
        reply = self.receive()
        if reply.get("kind") != "signed":
            raise RuntimeError(reply.get("message", "the gateway did not sign"))
        signature: bytes = reply["data"]
        return signature

    def send(self, message: Any) -> None:
        ipc.send(self._outbox, message, limit=self._limit)

    def receive(self) -> Any:
        return ipc.receive(self._inbox, limit=self._limit)

    def take(self) -> Any:
        """The next call, and word to the gateway that its end is from now on the call's doing."""
        call = self.receive()
        self.send({"kind": "taken"})
        return call

    def introduce(self, isolation: Isolation) -> None:
        """Say that the child is ready, and how far it is shut in."""
        self.send({"kind": "ready", "isolation": msgspec.to_builtins(isolation)})


def main(arguments: list[str]) -> None:
    inbox, outbox, lifeline = (int(number) for number in arguments[:3])
    orders = msgspec.json.decode(arguments[3].encode(), type=ConfinementSpec)
    limits, isolation = orders.limits or Limits(), confine(orders)
    faulthandler.enable()
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True, name="lifeline").start()
    link = ChildChannel(inbox, outbox, limits)
    link.introduce(isolation)
    while True:
        if not select.select([inbox], [], [], _IDLE_S)[0]:
            give_memory_back()
        try:
            call = link.take()
        except EOFError:
            break
        link.send(answer(call, link, limits))
    # Native libraries' threads and destructors must not hold a finished child up.
    os._exit(0)


def give_memory_back() -> None:
    """A process that waits keeps its models, and not the work space of the last call."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)


def _end_with_parent(lifeline: int) -> None:
    """Nobody writes to this pipe: reading it ends when the gateway does."""
    while os.read(lifeline, 1):
        pass
    os._exit(1)


def answer(call: dict[str, Any], link: ChildChannel, limits: Limits) -> dict[str, Any]:
    """The message that answers a call: a result, or what went wrong."""
    allow_cpu(limits.cpu_s)
    try:
        result = msgspec.convert(call["entry_point"], EntryPoint).load()(call["argument"], link)
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
