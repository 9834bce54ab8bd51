"""Commands that run in the process of the test, in a fresh folder without an installation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from safelight.cli import main
from safelight.cli.language import take_language


class Printed(NamedTuple):
    """What a command wrote to standard output and to standard error."""

    out: str
    err: str


#: Settings without the detectors that the test card does not need.
FEW_DETECTORS = (
    "[detectors]\nocr = false\nminilm = false\nacts = false\nthreats = false\nnudenet = false\n"
    "faces = false\nhate-symbols = false\nlogos = false\nwhisper = false\n"
)
#: For `code`: every exit code but 0.
FAILED = range(1, 256)
#: The JSON of a command that ends with `code` or one of it, which is 0 unless it is given; None accepts all.
Run = Callable[..., Any]
#: As `Run`, without `--json`.
Say = Callable[..., Printed]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty. The environment names no gateway and no key."""
    monkeypatch.chdir(tmp_path)
    for name in ("SAFELIGHT_URL", "SAFELIGHT_API_KEY", "SAFELIGHT_UPSTREAM_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def say(folder: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    def say(*arguments: str, code: int | range | None = 0) -> Printed:
        capsys.readouterr()
        ended = main(arguments)
        printed = Printed(*capsys.readouterr())
        expected = (code,) if isinstance(code, int) else code
        assert expected is None or ended in expected, f"{ended}: {printed.out[-2000:]}{printed.err}"
        return printed

    return say


@pytest.fixture
def run(say: Say) -> Run:
    def run(*arguments: str, code: int | range | None = 0) -> Any:
        printed = say(*arguments, "--json", code=code)
        return json.loads(printed.out or printed.err)

    return run


@contextmanager
def speaking(tag: str) -> Iterator[None]:
    """Output in this language; afterwards in that of the environment."""
    take_language(["--lang", tag])
    try:
        yield
    finally:
        take_language([])
