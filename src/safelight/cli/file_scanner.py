"""The scanner of single files, with the detectors of an installation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .verify import find_lookup, make_verifier

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.policy.tenant_policy import TenantPolicy
    from safelight.screening.file_scan import FileScanner


def make_scanner(container: Container, policy: TenantPolicy, scratch: Path, *, previews: bool) -> FileScanner:
    from safelight.screening.file_scan import FileScanner

    verifier, lookup = make_verifier(container), find_lookup(container)

    return FileScanner(
        stages=container.pipeline.stages,
        policy=policy,
        detectors={plugin.name: plugin.version for plugin in container.core.detectors.plugins},
        verify=lambda path: verifier.verify(path, lookup=lookup),
        stills=previews,
        scratch=scratch,
    )
