"""A sandbox that tests share: its fork server has loaded the modules that children import."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from safelight.provenance import worker
from safelight.sandbox.sandbox import Sandbox
from safelight.screening import delivery
from safelight.screening.scanning.service import Scanner, ScannerOptions


@pytest.fixture(scope="session")
def forking_sandbox() -> Iterator[Sandbox]:
    """A sandbox with a fork server, for tests whose children would spend most of their time importing."""
    sandbox = Sandbox()
    scanner = Scanner(sandbox, (), ScannerOptions(modules=("c2pa", worker.__name__, delivery.__name__)))
    scanner.start()
    yield sandbox
    scanner.close()
    sandbox.close()
