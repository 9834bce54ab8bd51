"""Scans the files of an archive on the machines of a Ray cluster (`safelight[ray]`).

Every machine has the same Safelight, settings, models and lists, at the same paths, and reads the files
itself: from a bucket, or from a shared folder. Only names, the policy and reports go over Ray.
"""

from __future__ import annotations

import logging
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from safelight.core.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.policy.tenant_policy import TenantPolicy
    from safelight.screening.file_scan import FileReport
    from safelight.screening.scanning.sources import SourceFile

#: How often a file is begun. One whose scan ends its worker each time gets a row with the reason.
_MAX_TRIES = 3
#: CPUs that Ray reserves for a worker: a scan decodes in one child while detectors run in it.
_CPUS = 1
#: Time between two looks at whether a machine is left.
_WAIT_S = 30.0
_CONNECT_S = 10.0


class Worker:
    """One process of the cluster, which scans one file at a time."""

    def prepare(
        self, config: Path | None, policy: TenantPolicy, installed: Mapping[str, Any], *, previews: bool
    ) -> None:
        """Load the detectors. Raises `ConfigurationError` if they are not those of the machine that asks."""
        from safelight.app.container import load

        from .file_scanner import make_scanner

        container = load(config)
        if (own := describe_installation(container)) != installed:
            names = ", ".join(sorted(name for name in installed if own[name] != installed[name]))
            raise ConfigurationError(f"A machine of the cluster has something else: {names}.")
        self._settings = container.core.settings
        self._scratch = TemporaryDirectory(prefix="safelight-scan-")
        self._scanner = make_scanner(container, policy, Path(self._scratch.name), previews=previews)
        container.core.scanner.start()

    def scan(self, location: str, name: str) -> bytes:
        """The report on the file at a location, as JSON."""
        from safelight.screening.file_scan import failed_report
        from safelight.screening.scanning.sources import find_source

        settings = self._settings
        try:
            source = find_source(
                [location], s3=settings.storage.s3, max_bytes=settings.scan.max_clip_mb << 20
            )
            report = self._scanner.scan_source(source.files[0], name)
        except Exception as error:
            report = failed_report(name, error)
        return msgspec.json.encode(report)


def describe_installation(container: Container) -> dict[str, Any]:
    """What findings depend on and two machines may differ in."""
    import safelight

    core = container.core
    return {
        "version": safelight.__version__,
        "detectors": {plugin.name: plugin.version for plugin in core.detectors.plugins},
        "missing detectors": sorted(missing.name for missing in core.detectors.missing),
        "hash lists": [(one.name, one.imported_at) for one in core.hash_lists.all()],
        "settings": core.settings.scan.model_dump(mode="json"),
    }


def scan_on_cluster(
    address: str,
    files: Iterator[SourceFile],
    *,
    config: Path | None,
    policy: TenantPolicy,
    container: Container,
    previews: bool,
) -> Iterator[tuple[SourceFile, FileReport]]:
    """The files with their reports, in the order in which they are ready.

    `files` are taken as workers are free. A file whose worker or machine ends is scanned again by another
    one. Raises `ConfigurationError` without Ray or a cluster, or if a machine differs, and `Unavailable` when
    no machine is left.
    """
    try:
        import ray
    except ImportError:
        raise ConfigurationError(
            "Ray is not installed.", remedy="Install it on every machine: pip install 'safelight[ray]'."
        ) from None
    from safelight.screening.file_scan import FileReport, failed_report

    host, _, port = address.rpartition(":")
    try:
        if port.isdecimal():
            # Ray itself would end this process after a minute without an answer.
            socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"There is no Ray cluster at {address}: {error}") from error
    kind: Any = ray.remote(num_cpus=_CPUS)(Worker)
    resources: Callable[[], dict[str, float]] = ray.cluster_resources
    given = (config, policy, describe_installation(container))
    workers, preparing, free = set[Any](), dict[Any, Any](), deque[Any]()
    again: deque[SourceFile] = deque()
    busy: dict[Any, tuple[Any, SourceFile]] = {}
    tries: Counter[str] = Counter()

    def add_workers() -> None:
        """As many as the machines that are left have room for."""
        for _ in range(int(resources().get("CPU", 0)) // _CPUS - len(workers)):
            worker = kind.remote()
            workers.add(worker)
            preparing[worker.prepare.remote(*given, previews=previews)] = worker

    try:
        add_workers()
        is_last = False
        # A new worker waits for a place on a machine, perhaps for ever: it holds up nothing.
        while busy or again or (preparing and not is_last):
            asked = [*preparing, *busy]
            ready = ray.wait(asked, num_returns=1, timeout=_WAIT_S)[0] if asked else []
            if not ready:
                if not resources().get("CPU"):
                    raise Unavailable(f"No machine of the Ray cluster at {address} is left.")
                add_workers()
                continue
            (done,) = ready
            worker, found = busy.pop(done) if done in busy else (preparing.pop(done), None)
            try:
                answer = ray.get(done)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except ray.exceptions.RayActorError:
                workers.remove(worker)
                add_workers()
                name = found.location if found is not None else ""
                tries[name] += 1
                if tries[name] < _MAX_TRIES:
                    again += [found] if found is not None else []
                elif found is None:
                    raise Unavailable(
                        "The workers of the cluster end while they load the detectors."
                    ) from None
                else:
                    yield found, failed_report(found.name, Unavailable("Each scan of it ended its process."))
            else:
                free.append(worker)
                if found is not None:
                    yield found, msgspec.json.decode(answer, type=FileReport)
            while free and (again or not is_last):
                following = again.popleft() if again else next(files, None)
                is_last = following is None
                if following is not None:
                    worker = free.popleft()
                    place = following.location
                    # A worker has another working directory.
                    place = place if "://" in place else str(Path(place).absolute())
                    busy[worker.scan.remote(place, following.name)] = worker, following
    finally:
        ray.shutdown()
