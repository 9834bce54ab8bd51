"""The embedded generator: renders requests as storyboards in a child process, which ends with its parent."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from safelight.core import errors
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox
from safelight.providers.protocol import (
    OWN_HARDWARE,
    Billing,
    Derivation,
    GenerationRequest,
    GeneratorInfo,
    RenderResult,
)
from safelight_storyboard.lexicon import CAPTION
from safelight_storyboard.reference import palette
from safelight_storyboard.test_cards import read_cards

MODELS = ("storyboard", "storyboard-1")
SIZES = (
    (720, 1280),
    (1280, 720),
    (1024, 1792),
    (1792, 1024),
    (1920, 1080),
    (1080, 1920),
    (640, 360),
    (360, 640),
)
LONGEST_S = 20
FPS = 24
SEEDS = range(-(2**63), 2**64)
PICTURES = frozenset({"image/png", "image/jpeg", "image/webp"})

#: The time limits are generous, because other work may use the processor as well.
START_S, PER_SECOND_S = 60.0, 30.0
_PART = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)-[0-9a-f]{8}\.part")


class Storyboard:
    """Renders prompts on this machine's CPU. Equal requests result in equal bytes."""

    name = "storyboard"
    billing = Billing.OWN

    def __init__(self, *, speech: bool = True) -> None:
        self._speech = speech

    def info(self) -> GeneratorInfo:
        return GeneratorInfo(
            models=MODELS,
            seconds=tuple(range(1, LONGEST_S + 1)),
            sizes=SIZES,
            extra_fields={"seed": int, "fps": int, "test_card": str},
            takes_reference=True,
            trained=False,
            remix=True,
            extend=True,
            longest_s=LONGEST_S,
            usd_per_second=0.0,
            own_texts=(CAPTION,),
            safety_settings={"filter": "none of its own: it draws silhouettes and landscapes only"},
        )

    def render(self, request: GenerationRequest, into: Path, report: Callable[[int], None]) -> RenderResult:
        """Writes the finished MP4 atomically to `into`.

        If `report` raises, the child is stopped and the exception passes through. Also raises `InvalidField`
        for unsupported fields, `InvalidMedia` for a broken reference, `StorageFull`, and `UpstreamError` if
        the child crashed or exceeded its time limit.
        """
        job = self._job(request)
        _sweep(into)
        part = into.with_name(f".{into.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        try:
            # The file is created here, so that a full disk or a missing folder fails before any work.
            part.touch(exist_ok=False)
            theme = _theme(request)
            not_drawn = _run(
                {**job, "theme": theme, "into": str(part)}, START_S + PER_SECOND_S * request.seconds, report
            )
            part.replace(into)
        except OSError as error:
            if error.errno in _full():
                raise _no_room() from error
            raise
        finally:
            part.unlink(missing_ok=True)
        return RenderResult(charge=OWN_HARDWARE, not_drawn=not_drawn)

    def _job(self, request: GenerationRequest) -> dict[str, Any]:
        if request.model not in MODELS:
            raise errors.InvalidField(
                f"The storyboard does not know the model {request.model!r}.",
                param="model",
                remedy=f"Use {MODELS[0]!r}.",
            )
        if not 1 <= request.seconds <= LONGEST_S:
            raise errors.InvalidField(f"A storyboard takes 1 to {LONGEST_S} seconds.", param="seconds")
        if (request.width, request.height) not in SIZES:
            named = ", ".join(f"{w}x{h}" for w, h in SIZES)
            raise errors.InvalidField(
                f"The storyboard does not support the size {request.width}x{request.height}.",
                param="size",
                remedy=f"Use one of {named}.",
            )
        extra: Mapping[str, Any] = request.extra
        for name in extra:
            if name not in ("seed", "fps", "test_card"):
                raise errors.UnsupportedField(
                    f"The storyboard does not support the field {name!r}.", param=name
                )
        prompt, like = _words(request)
        return {
            "prompt": prompt.encode("utf-8", "replace").decode(),
            "like": like.encode("utf-8", "replace").decode(),
            "seed": _whole(extra, "seed", SEEDS, None),
            "seconds": request.seconds,
            "width": request.width,
            "height": request.height,
            "fps": _whole(extra, "fps", range(12, 31), FPS),
            "cards": read_cards(extra.get("test_card"), request.seconds),
            "speech": self._speech,
        }


def _words(request: GenerationRequest) -> tuple[str, str]:
    """The text from which the scene is read, most important part first, and the text that decides what the
    first text leaves open.

    Remixes and extensions are drawn anew. For a remix, the new prompt comes before the earlier prompts. An
    extension is one clip of the whole length, in the scene of the earlier prompts.
    """
    if request.source_clip is None:
        return request.prompt, ""
    if request.source_clip.derivation is Derivation.EDIT or not request.source_clip.prompts:
        raise errors.UnsupportedField(
            "The storyboard draws from text; it cannot change or continue a clip.", param="video"
        )
    earlier = request.source_clip.prompts
    words = (
        (*earlier, request.prompt)
        if request.source_clip.derivation is Derivation.EXTEND
        else (request.prompt, *earlier[::-1])
    )
    return "\n".join(words), earlier[0]


def _whole(extra: Mapping[str, Any], name: str, within: range, default: int | None) -> int | None:
    value = extra.get(name)
    if value is None:
        return default
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,20}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value not in within:
        raise errors.InvalidField(
            f"{name} must be a whole number from {within[0]} to {within[-1]}.", param=name
        )
    return value


def _theme(request: GenerationRequest) -> tuple[tuple[int, int, int], ...]:
    if not request.references:
        return ()
    if len(request.references) > 1:
        raise errors.InvalidField(
            "The storyboard supports one reference picture.", param=request.references[1].field
        )
    reference = request.references[0]
    if reference.media_type not in PICTURES:
        raise errors.InvalidField(
            "The storyboard supports a PNG, JPEG or WebP picture as its reference.", param=reference.field
        )
    sandbox = Sandbox(Limits(wall_s=20.0))
    try:
        colours = sandbox.run(
            EntryPoint.of(palette),
            {"path": str(reference.path)},
            reads=[reference.path],
        )
    finally:
        sandbox.close()
    return tuple((int(r), int(g), int(b)) for r, g, b in colours)


def _run(job: dict[str, Any], patience: float, report: Callable[[int], None]) -> tuple[str, ...]:
    """Renders in a child process. Returns the words for what was not drawn."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "safelight_storyboard.worker", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            process.stdin.flush()
        for message in _messages(process.stdout.fileno(), patience):
            if "percent" in message:
                report(int(message["percent"]))
            elif message.get("done"):
                report(100)
                return tuple(message["not_drawn"])
            elif message.get("failed") == "full":
                raise _no_room()
            else:
                raise errors.UpstreamError(f"The storyboard could not be drawn: {message.get('message')}.")
        raise errors.UpstreamError(
            f"The storyboard's renderer ended early with exit code {process.wait(10)}."
        )
    finally:
        # After SIGKILL, wait for the end of the child: it must not write after this function returns.
        process.kill()
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _messages(descriptor: int, patience: float) -> Iterator[dict[str, Any]]:
    deadline = time.monotonic() + patience
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise errors.UpstreamError(f"The storyboard was not finished within {patience:g} s.")
            data = os.read(descriptor, 1 << 16)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield msgspec.json.decode(line, type=dict[str, Any])


def _environment() -> dict[str, str]:
    """Environment variables of the child: only the necessary ones, and one thread per numeric library."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "PYTHONHASHSEED": "0",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }


def _sweep(into: Path) -> None:
    """Removes partial files of the same target that were left when earlier renderings were killed."""
    for path in into.parent.glob(f".{_escaped(into.name)}.*.part"):
        match = _PART.fullmatch(path.name)
        if match is not None and match["name"] == into.name and not _alive(int(match["pid"])):
            path.unlink(missing_ok=True)


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _full() -> frozenset[int]:
    from safelight_storyboard.worker import FULL

    return FULL


def _no_room() -> errors.StorageFull:
    return errors.StorageFull(
        "The disk has no space left for the video.", remedy="Free some space; the request can be sent again."
    )
