"""The calls that one generation request makes between packages.

    python -m bench.trace_request [--up] [--types] [--ways] [--json FILE]

One real request (storyboard generator, 4 s, 1280x720) goes through the ASGI app, the four steps of the job
runner, a retrieve and the download of the content. Then the video is reported, and a key that may review
withdraws it. `sys.setprofile` records every call in every thread of
this process. The sandboxed children are other processes: their calls are not counted. A first
`POST /v1/videos` with another prompt is not counted: it imports modules, builds parts and compiles
the policy.

What is counted:

- call: one `call` event of a named function of `safelight`. A generator, a context manager and a coroutine
  have one at each start and one at each resume. Lambdas, comprehensions and generator expressions are not
  counted.
- caller: the nearest frame of `safelight` on the stack of the same thread; frames of libraries are skipped.
  A function that a library starts in another thread has no caller, and neither has one that the web framework
  calls: a middleware does not call the route handler.
- crossing: a call whose caller is in another package. A module at the top level is a package of its own.
- call up: a crossing into a package of a higher row of `LAYERS`.
- transaction: one use of an entry point of `Database`.
- type: a dataclass, struct, named tuple or model of `safelight` that a function of `safelight` received or
  returned, and that has the prompt in a field, or in a record in a field. These types carry the request.
- way: the named functions on the stack of the thread when the function in `ENDS` is called the first time in
  its phase. A route that waits for a thread is not on that thread's stack: the route's function is one more.

It also runs with the packages of another tree, for a comparison: PYTHONPATH=TREE/src. There, packages that
`LAYERS` does not name have no row.

The scan reports its progress every 0.25 s and every report makes three calls up, so these calls, and the
transactions that write the progress, depend on the speed of the machine. The column `up pairs` does not: it
counts the different pairs of functions.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import platform
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, is_dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import fastapi
import httpx
import starlette

import safelight

ROOT = f"{Path(safelight.__file__).parent}/"
FRAMEWORK = tuple(f"{Path(str(module.__file__)).parent}/" for module in (fastapi, starlette))

#: The layers from the highest to the lowest, as in the import-linter contract of pyproject.toml.
LAYERS = (
    ("cli",),
    ("app",),
    ("web",),
    ("cases",),
    ("videos",),
    ("consents",),
    ("providers",),
    ("accounts",),
    ("screening",),
    ("provenance",),
    ("detectors",),
    ("media", "store"),
    ("policy",),
    ("core",),
)
_ROW = {package: row for row, packages in enumerate(LAYERS) for package in packages}

#: Entry points of `Database`, under today's and earlier names. `across_tenants` is either, by its argument.
READS, WRITES = ("read_transaction", "reading"), ("transaction", "write_transaction")
EITHER = "across_tenants"

PROMPT = "A woman in a red coat walks along a beach at golden hour"
WARM_UP = "A chef cooks in a warm kitchen"
STEPS = ("2 queued", "3 generation", "4 scan", "5 seal")
#: The module of the durable queue, today and earlier.
QUEUES = ("safelight.videos.queue", "safelight.jobs.queue")
#: A record that has the prompt in a record of a record is not searched further.
_MAX_DEPTH = 2
REQUEST, SCAN, DECISION = "1 POST /v1/videos", "4 scan", "9 decision"
#: Where the way of a phase ends: a function, and for a statement of the database its table.
ENDS = {
    REQUEST: ("Transaction.insert", "videos"),
    SCAN: ("decide", None),
    DECISION: ("Transaction.insert", "decisions"),
}
LAMBDA = "<lambda>"
SCOPES = ("videos:read", "videos:write", "review")
WITHDRAWAL = {"action": "withdraw", "clause": "ha-1", "facts": "A measured case.", "reason": "measuring"}
#: Without a waiver, the video would be held for review.
WAIVER = ("waivers", "add", "bench", "--by", "bench", "--reason", "measuring", "--category", "*")


@dataclass(frozen=True, order=True)
class Function:
    """A function of `safelight`: its file below the package, and its qualified name."""

    file: str
    name: str

    @property
    def package(self) -> str:
        return self.file.partition("/")[0].removesuffix(".py")

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


@dataclass(frozen=True)
class Call:
    phase: str
    caller: Function | None
    callee: Function

    @property
    def crosses(self) -> bool:
        return self.caller is not None and self.caller.package != self.callee.package

    @property
    def up(self) -> bool:
        """Whether the callee's package is in a higher row than the caller's."""
        if self.caller is None:
            return False
        rows = _ROW.get(self.caller.package), _ROW.get(self.callee.package)
        return rows[0] is not None and rows[1] is not None and rows[1] < rows[0]


class Recorder:
    """Records calls and transactions while a phase is set."""

    def __init__(self) -> None:
        self.phase: str | None = None
        # Lists, because `append` is safe in several threads.
        self._calls: list[Call] = []
        self._lambdas: list[Call] = []
        self.transactions: list[tuple[str, str]] = []
        self.types: set[tuple[str, str]] = set()
        #: By phase: the functions from the first one in the thread to the last one before the end.
        self.ways: dict[str, tuple[Function, ...]] = {}

    @property
    def calls(self) -> Counter[Call]:
        return Counter(self._calls)

    @property
    def lambdas_up(self) -> Counter[Call]:
        """Calls of lambdas in a higher row. They are listed, but they are not in the figures."""
        return Counter(call for call in self._lambdas if call.up)

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        self.phase = phase
        try:
            yield
        finally:
            self.phase = None

    def profile(self, frame: FrameType, event: str, argument: Any) -> None:
        """The profile function of every thread."""
        phase, code = self.phase, frame.f_code
        if phase is None or event not in ("call", "return") or not code.co_filename.startswith(ROOT):
            return
        values = (argument,) if event == "return" else tuple(frame.f_locals.values())
        self.types.update((phase, _type_name(value)) for value in values if _carries(value))
        if event == "return":
            return
        if code.co_name.startswith("<") and code.co_name != LAMBDA:
            return
        call = Call(phase, _caller(frame), _function(frame))
        (self._lambdas if code.co_name == LAMBDA else self._calls).append(call)
        name, table = ENDS.get(phase, ("", None))
        if code.co_qualname == name and (table is None or frame.f_locals["table"].name == table):
            self.ways.setdefault(phase, tuple(_stack(frame.f_back)))

    def start(self) -> None:
        """Record this thread and every thread that starts from now on."""
        threading.setprofile(self.profile)
        sys.setprofile(self.profile)

    def stop(self) -> None:
        threading.setprofile(None)
        sys.setprofile(None)

    def counted(
        self, method: Callable[..., Any], kind: Callable[[dict[str, Any]], str]
    ) -> Callable[..., Any]:
        """`method`, which opens a transaction, with a count of its uses."""

        @functools.wraps(method)
        def opened(*arguments: Any, **options: Any) -> Any:
            if self.phase is not None:
                self.transactions.append((self.phase, kind(options)))
            return method(*arguments, **options)

        return opened


def _caller(frame: FrameType) -> Function | None:
    caller = frame.f_back
    while caller is not None:
        file = caller.f_code.co_filename
        if file.startswith(ROOT):
            return _function(caller)
        if file.startswith(FRAMEWORK):
            return None
        caller = caller.f_back
    return None


def _stack(frame: FrameType | None) -> Iterator[Function]:
    """The named functions of `safelight` that led to a frame, the first one first."""
    if frame is not None:
        yield from _stack(frame.f_back)
        code = frame.f_code
        if code.co_filename.startswith(ROOT) and not code.co_name.startswith("<"):
            yield _function(frame)


def _function(frame: FrameType) -> Function:
    return Function(frame.f_code.co_filename.removeprefix(ROOT), frame.f_code.co_qualname)


def _carries(value: Any, depth: int = 0) -> bool:
    """Whether this is a record of `safelight` with the prompt."""
    kind = type(value)
    if not kind.__module__.startswith("safelight"):
        return False
    if is_dataclass(kind):
        names: Iterable[str] = (field.name for field in fields(kind))
    else:
        names = (
            getattr(kind, "__struct_fields__", None)
            or getattr(kind, "model_fields", None)
            or getattr(kind, "_fields", ())
        )
    held = [getattr(value, name, None) for name in names]
    return PROMPT in [one for one in held if isinstance(one, str)] or (
        depth < _MAX_DEPTH and any(_carries(one, depth + 1) for one in held)
    )


def _type_name(value: object) -> str:
    return f"{type(value).__module__}:{type(value).__qualname__}"


class ManualQueue:
    """Replaces the durable queue: it starts nothing, and this script runs the steps."""

    def __init__(self) -> None:
        self.tenant = ""
        self.advance: Callable[[str, str, int], bool] = lambda _tenant, _video_id, _run: False
        self.run = 0

    def configured(self, **options: Any) -> ManualQueue:
        """What the composition root calls instead of the queue's class."""
        self.advance = options.get("advance", self.advance)
        return self

    def enqueue(self, tenant: str, _video_id: str, run: int) -> None:
        self.tenant, self.run = tenant, run

    def share(self, _parts: object) -> None:
        """No background part runs in this script."""

    def wait_for_lease(self) -> None:
        """For older trees: the one process of this script needs no lease."""

    def run_step(self, video_id: str) -> None:
        self.advance(self.tenant, video_id, self.run)


def trace(folder: Path) -> Recorder:
    """Submit two requests on an empty data directory, record the second, and run its steps."""
    config = folder / "safelight.toml"
    config.write_text(f'data = "{folder / "data"}"\n[log]\nlevel = "error"\n')
    _safelight(config, *WAIVER)
    scopes = (part for scope in SCOPES for part in ("--scope", scope))
    key = _safelight(config, "keys", "create", "bench", *scopes).decode().split()[0]
    recorder, queue = Recorder(), ManualQueue()
    recorder.start()
    with ExitStack() as stack:
        stack.callback(recorder.stop)
        for name, method, kind in _entry_points():
            stack.enter_context(
                patch(f"safelight.store.database.Database.{name}", recorder.counted(method, kind))
            )
        module = next(name for name in QUEUES if find_spec(name.rpartition(".")[0]))
        stack.enter_context(patch(f"{module}.DurableQueue", queue.configured))
        from safelight.app.container import load

        container: Any = load(config)
        stack.callback(container.core.sandbox.close)
        if hasattr(container, "app"):
            app = container.app
        else:
            from safelight.app.web import make_app

            app = make_app(container)
            queue.advance = container.background.upstream_waits.advance
        asyncio.run(_requests(app, key, queue, recorder))
    return recorder


def _safelight(config: Path, *arguments: str) -> bytes:
    command = [sys.executable, "-m", "safelight", "--config", str(config), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def _entry_points() -> Iterator[tuple[str, Callable[..., Any], Callable[[dict[str, Any]], str]]]:
    from safelight.store.database import Database

    for names, kind in ((READS, "read"), (WRITES, "write")):
        for name in names:
            if hasattr(Database, name):
                yield name, getattr(Database, name), lambda _options, kind=kind: kind
    yield EITHER, getattr(Database, EITHER), lambda options: "read" if options.get("readonly") else "write"


async def _requests(app: Any, key: str, queue: ManualQueue, recorder: Recorder) -> None:
    headers = {"authorization": f"Bearer {key}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
        await _submit(client, WARM_UP)
        with recorder.during(REQUEST):
            video_id = await _submit(client, PROMPT)
        for step in STEPS:
            with recorder.during(step):
                await asyncio.to_thread(queue.run_step, video_id)
        with recorder.during("6 GET video"):
            response = await client.get(f"/v1/videos/{video_id}")
        assert response.json()["status"] == "completed", response.text
        with recorder.during("7 GET content"):
            response = await client.get(f"/v1/videos/{video_id}/content")
        assert response.status_code == 200, response.text
        with recorder.during("8 report"):
            response = await client.post(f"/v1/videos/{video_id}/report", json={"category": "hate"})
        assert response.is_success, response.text
        case = (await client.get("/v1/reviews")).json()["data"][0]["id"]
        with recorder.during(DECISION):
            response = await client.post(f"/v1/reviews/{case}/decision", json=WITHDRAWAL)
        assert response.is_success, response.text


async def _submit(client: httpx.AsyncClient, prompt: str) -> str:
    """The id of a new video."""
    body = {"model": "storyboard", "prompt": prompt, "seconds": "4", "size": "1280x720"}
    response = await client.post("/v1/videos", json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


def summary(recorder: Recorder) -> dict[str, dict[str, int]]:
    """The figures by phase, and of all phases together under `all`."""
    calls, transactions = recorder.calls, recorder.transactions
    phases = sorted({call.phase for call in calls})
    return {
        **{
            phase: _figures(
                Counter({call: count for call, count in calls.items() if call.phase == phase}),
                [kind for where, kind in transactions if where == phase],
                {name for where, name in recorder.types if where == phase},
            )
            for phase in phases
        },
        "all": _figures(
            calls, [kind for _where, kind in transactions], {name for _where, name in recorder.types}
        ),
    }


def _figures(calls: Counter[Call], transactions: list[str], types: set[str]) -> dict[str, int]:
    crossings = {call: count for call, count in calls.items() if call.crosses}
    ups = {call: count for call, count in crossings.items() if call.up}
    return {
        "files": len({call.callee.file for call in calls}),
        "functions": len({call.callee for call in calls}),
        "types": len(types),
        "packages": len({call.callee.package for call in calls}),
        "file pairs": len({(call.caller.file, call.callee.file) for call in crossings if call.caller}),
        "crossings": sum(crossings.values()),
        "calls up": sum(ups.values()),
        "up pairs": len({(call.caller, call.callee) for call in ups}),
        "reads": transactions.count("read"),
        "writes": transactions.count("write"),
    }


def upward(calls: Counter[Call]) -> list[dict[str, Any]]:
    """Every call up: phase, caller, callee and count."""
    found = [
        (call.phase, str(call.caller), str(call.callee), count) for call, count in calls.items() if call.up
    ]
    return [dict(zip(("phase", "caller", "callee", "count"), row, strict=True)) for row in sorted(found)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--up", action="store_true", help="list every call up: phase, caller, callee, count")
    parser.add_argument(
        "--ways", action="store_true", help="list the functions from a phase's first to its end"
    )
    parser.add_argument("--types", action="store_true", help="list the record types of each phase")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and calls up to FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recorder = trace(Path(folder))
    figures, ups, lambdas = summary(recorder), upward(recorder.calls), upward(recorder.lambdas_up)
    unknown = {call.callee.package for call in recorder.calls} - set(_ROW)
    if unknown:
        print(f"Packages without a row in LAYERS: {', '.join(sorted(unknown))}. Add them.", file=sys.stderr)
    print("phase".ljust(18), *(name.rjust(10) for name in figures["all"]))
    for phase, row in figures.items():
        print(phase.ljust(18), *(str(value).rjust(10) for value in row.values()))
    if options.up:
        _print_list("Calls up", ups)
        _print_list("Lambdas that are called from a lower row (not in the figures)", lambdas)
    if options.ways:
        for phase, way in sorted(recorder.ways.items()):
            print(f"\n{phase}: {len(way)} functions", *way, sep="\n  ")
    if options.types:
        print("\nRecord types:", *(f"{phase:<18} {name}" for phase, name in sorted(recorder.types)), sep="\n")
    if options.json:
        report = {"python": platform.python_version(), "phases": figures, "up": ups, "lambdas_up": lambdas}
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return 1 if unknown else 0


def _print_list(title: str, rows: list[dict[str, Any]]) -> None:
    print(f"\n{title}:")
    for row in rows:
        print(f"{row['count']:5}  {row['phase']:<18} {row['caller']} -> {row['callee']}")


if __name__ == "__main__":
    sys.exit(main())
