"""A sandbox that tests share: its fork server has loaded the modules that children import.

What a child finds in a file depends on the file, the detectors and the watermark keys alone, and most tests
deliver or send the same tiny files: such results are remembered, with the files that the child wrote.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from safelight.detectors.registry import DetectorRegistry
from safelight.media import normalize, probe
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.process import NO_HOOKS, CallHooks
from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance import worker as provenance_worker
from safelight.provenance.fingerprints import fingerprinter
from safelight.provenance.watermark import clip_marking
from safelight.screening import delivery
from safelight.screening.scanning import worker
from safelight.screening.scanning.service import Scanner, ScannerOptions
from safelight.testing.media import without_box

#: Results that are kept at a time: frames of large clips take megabytes.
_MAX_CALLS = 64
_REMEMBERED = frozenset(
    map(
        EntryPoint.of,
        (
            probe.probe_in_child,
            normalize.normalize_in_child,
            worker.scan_video,
            worker.scan_image,
            clip_marking.search_in_child,
            fingerprinter.search_in_child,
            provenance_worker.fingerprint,
            delivery.draw_previews_in_child,
        ),
    )
)


class _Call(NamedTuple):
    """The result of a call and its messages, with placeholders for paths, and the files it wrote."""

    result: str
    messages: tuple[Any, ...]
    files: tuple[tuple[int, str, bytes], ...]


class RememberingSandbox(Sandbox):
    """Scans the same file with the same shipped detectors once, and searches it for the same marks once."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[str, _Call] = {}
        self._shipped = {plugin.name for plugin in DetectorRegistry.discover({}).plugins}

    def run(
        self,
        entry_point: EntryPoint,
        argument: Any = None,
        *,
        reads: Sequence[Path] = (),
        writes: Sequence[Path] = (),
        limits: Limits | None = None,
        hooks: CallHooks = NO_HOOKS,
    ) -> Any:
        key = self._key(entry_point, argument, reads, writes, hooks)
        known = self._calls.pop(key, None)
        if known is not None:
            self._calls[key] = known  # the last one to be forgotten
            for place, name, data in known.files:
                (writes[place] / name).parent.mkdir(parents=True, exist_ok=True)
                (writes[place] / name).write_bytes(data)
            for message in known.messages if hooks.progress is not None else ():
                hooks.progress(message)
            return msgspec.json.decode(_filled(known.result, reads, writes))
        messages: list[Any] = []

        def report(message: Any) -> None:
            messages.append(message)
            if hooks.progress is not None:
                hooks.progress(message)

        asked = {"reads": reads, "writes": writes, "limits": limits}
        if not key:
            return super().run(entry_point, argument, hooks=hooks, **asked)
        result = super().run(entry_point, argument, hooks=replace(hooks, progress=report), **asked)
        if not _is_complete(result):
            return result
        files = tuple(
            (place, str(path.relative_to(written)), path.read_bytes())
            for place, written in enumerate(writes)
            for path in (written, *written.rglob("*"))
            if path.is_file()
        )
        text = _emptied(msgspec.json.encode(result).decode(), reads, writes)
        self._calls[key] = _Call(text, tuple(messages), files)
        if len(self._calls) > _MAX_CALLS:
            del self._calls[next(iter(self._calls))]
        return result

    def _key(
        self,
        entry_point: EntryPoint,
        argument: Any,
        reads: Sequence[Path],
        writes: Sequence[Path],
        hooks: CallHooks,
    ) -> str:
        """The same for equal calls; empty for one that is not remembered."""
        if entry_point not in _REMEMBERED or (hooks.cancel is not None and hooks.cancel.is_set()):
            return ""
        specs = argument.get("detectors", {}).get("specs", ())
        if not all(name in self._shipped for name, _options in specs):
            return ""
        if not all(path.is_file() for path in reads) or any(path.is_symlink() for path in writes):
            return ""
        contents = [hashlib.sha256(without_box(path.read_bytes())).hexdigest() for path in reads]
        text = _emptied(msgspec.json.encode(argument).decode(), reads, writes)
        for folder in {options["folder"] for _name, options in specs if options.get("folder")}:
            # What is enrolled counts, not where: each installation has a folder of its own.
            text = text.replace(msgspec.json.encode(folder).decode(), repr(_listing(Path(folder))))
        return f"{entry_point}{contents}{text}"


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]


def _is_complete(result: dict[str, Any] | None) -> bool:
    """Whether the result does not depend on the time that the child had."""
    result = result or {}
    return result.get("is_complete", True) and not any(run["timed_out"] for run in result.get("runs", ()))


def _places(reads: Sequence[Path], writes: Sequence[Path]) -> list[tuple[str, str]]:
    """The paths of a call, as they are in JSON, with their placeholders."""
    named = [(path, f"\\u0000read {n}") for n, path in enumerate(reads)]
    named += [(path, f"\\u0000write {n}") for n, path in enumerate(writes)]
    return [(msgspec.json.encode(str(path.absolute())).decode()[1:-1], name) for path, name in named]


def _emptied(text: str, reads: Sequence[Path], writes: Sequence[Path]) -> str:
    for path, name in _places(reads, writes):
        text = text.replace(path, name)
    return text


def _filled(text: str, reads: Sequence[Path], writes: Sequence[Path]) -> str:
    for path, name in _places(reads, writes):
        text = text.replace(name, path)
    return text


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with a fork server, for tests whose children would spend most of their time importing."""
    sandbox = RememberingSandbox()
    modules = ("c2pa", provenance_worker.__name__, delivery.__name__)
    scanner = Scanner(sandbox, (), ScannerOptions(modules=modules))
    scanner.start()
    yield sandbox
    scanner.close()
    sandbox.close()
