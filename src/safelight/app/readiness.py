"""What this process can do now: the body of `GET /readyz`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from safelight.accounts.halts import read_halts
from safelight.cases.reviews.undecidable_holds import count_undecidable
from safelight.cases.vault import count_unattended
from safelight.core.errors import SafelightError
from safelight.videos.cut_downloads import cut_downloads
from safelight.videos.fleet_roles import missing_roles
from safelight.videos.upstream_gate import UpstreamProblem

from .background import Background
from .core import CoreParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts
from .settings.models import ROLES

_log = logging.getLogger(__name__)
#: A part that does not answer within this time is not ready: less than the time limit of usual health checks.
_ANSWER_S = 3.0


class ProcessReadiness:
    """The state of the database, the queue, the background parts and the upstreams of this process."""

    def __init__(
        self,
        core: CoreParts,
        persistence: PersistenceParts,
        pipeline: PipelineParts,
        background: Background,
    ) -> None:
        self._core = core
        self._persistence = persistence
        self._pipeline = pipeline
        self._background = background
        self._threads = ThreadPoolExecutor(3, thread_name_prefix="readiness")
        self._lock = threading.Lock()
        self._running: dict[str, Future[Any]] = {}

    def describe(self) -> dict[str, Any]:
        """Whether this process can accept work: the body of `GET /readyz`.

        `unready` has the names of the parts that do not work, `problems` the reasons, and `parked` the rows
        that a part has left out after several failures.
        """
        began = time.monotonic()
        facts, problems = self._run_checks()
        database_ms = round((time.monotonic() - began) * 1000, 2)
        health = [part.health() for part in self._background.parts]
        problems |= {each.name: each.problem for each in health if each.problem is not None}
        if self._core.shutdown_event.is_set():
            problems["process"] = "it shuts down"
        parked = {each.name: list(each.parked) for each in health if each.parked}
        failing = self.upstream_problems()
        down = {name: one.no_answer for name, one in failing.items() if one.no_answer}
        paused = {
            name: f"{one.failed_calls} calls in a row failed; one call after a pause tests it"
            for name, one in failing.items()
            if one.failed_calls
        }
        return {
            "ready": not problems,
            "unready": sorted(problems),
            "database_ms": database_ms,
            **({"problems": problems} if problems else {}),
            **({"parked": parked} if parked else {}),
            "worker": self._pipeline.worker_name,
            "leader": self._pipeline.queue.leader,
            # Requests wait for an upstream that is down, so this process stays ready and only reports it.
            **({"upstreams_down": down} if down else {}),
            **({"upstreams_paused": paused} if paused else {}),
            **{name: fact for name, fact in facts.items() if fact},
        }

    def upstream_problems(self) -> dict[str, UpstreamProblem]:
        """The generators that fail now, as this process sees them."""
        down = self._core.upstream_health.down()
        found = {
            name: UpstreamProblem(failed_calls=gate.failures_of_pause(), no_answer=down.get(name, ""))
            for name, gate in self._pipeline.context.upstreams.items()
        }
        return {name: problem for name, problem in found.items() if problem != UpstreamProblem()}

    def _run_checks(self) -> tuple[Mapping[str, Any], dict[str, str]]:
        """What the database says, and why the database, the queue or the disk cannot be used.

        Each check has a thread of its own and a limited time, because a lost connection can hang. A check
        that hangs is not started again before its end.
        """
        checks = {
            "database": self._read_database,
            "queue": self._pipeline.queue.check,
            "storage": self._check_storage,
        }
        with self._lock:
            for name, check in checks.items():
                if name not in self._running or self._running[name].done():
                    self._running[name] = self._threads.submit(check)
            running = dict(self._running)
        wait(running.values(), timeout=_ANSWER_S)
        facts: Mapping[str, Any] = {}
        problems: dict[str, str] = {}
        for name, started in running.items():
            try:
                facts = started.result(timeout=0) or facts
            except TimeoutError:
                problems[name] = f"no answer within {_ANSWER_S:g} s"
            except SafelightError as error:
                problems[name] = str(error)
            except Exception as error:
                # The answer of a health check is never an error itself.
                _log.warning("The check of the %s failed.", name, exc_info=error)
                problems[name] = f"it cannot be checked ({type(error).__name__}); see the log"
        return facts, problems

    def _read_database(self) -> Mapping[str, Any]:
        """What the database says that does not make this process unready, because requests only wait."""
        with self._persistence.database.across_tenants("readiness", readonly=True) as tx:
            undecidable, cut, halts = count_undecidable(tx), cut_downloads(tx), read_halts(tx)
            unattended = count_unattended(tx)
        return {
            "roles_missing": missing_roles(self._persistence.database, ROLES),
            # Open holds by the scope that no enrolled person and no key has.
            "holds_nobody_can_decide": {one.value: number for one, number in undecidable.items()},
            "vault_entries_nobody_can_decide": {one.value: number for one, number in unattended.items()},
            "downloads_cut": cut,
            "halts": len(halts),
            "refusal_budgets": self._pipeline.context.refusals.describe()
            if self._core.settings.server.loopback
            else {},
        }

    def _check_storage(self) -> None:
        self._persistence.data_directory.check()
        self._persistence.blobs.require_space()
