"""Risk history: fits the risk model on the attempts of a tenant at one provider, and keeps it for a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from safelight.advice.provider_rules import Document, document_for
from safelight.advice.risk_features import find_features
from safelight.advice.risk_model import JudgedRequest, RiskEstimate, RiskModel, fit_risk

from .attempt_log import AttemptLog
from .gate import Gate, find_gate
from .models import AttemptFilter, AttemptOutcome, AttemptRecord

#: Newest attempts of the tenant that are read.
MAX_READ = 2_000
#: A model is fitted again after this time: fitting takes up to seconds.
KEEP_S = 300.0
#: Most models in memory; one needs up to 10 MB.
_MAX_MODELS = 16


@dataclass(frozen=True, kw_only=True)
class _Kept:
    model: RiskModel | None
    at: float


class RiskHistory:
    """Estimates risks from the tenant's own attempts only. Thread-safe."""

    def __init__(self, log: AttemptLog, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log, self._monotonic = log, monotonic
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    def estimate(
        self,
        tenant: str,
        asked: str,
        prompt: str,
        *,
        seconds: float | None = None,
        size: tuple[int, int] | None = None,
    ) -> RiskEstimate | None:
        """The risk at `asked`, a provider or a model; None if too few of its outcomes are known."""
        model = self._model(tenant, asked.strip().casefold())
        if model is None:
            return None
        width, height = size or (None, None)
        return model.estimate(find_features(prompt, seconds=seconds, width=width, height=height))

    def _model(self, tenant: str, asked: str) -> RiskModel | None:
        key = (tenant, asked)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or self._monotonic() - kept.at >= KEEP_S:
                attempts = self._log.page(tenant, AttemptFilter(), limit=MAX_READ).attempts
                kept = _Kept(model=fit_risk(judged_requests(attempts, asked)), at=self._monotonic())
                self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > _MAX_MODELS:
                self._kept.popitem(last=False)
            return kept.model


def judged_requests(attempts: Iterable[AttemptRecord], asked: str) -> Iterator[JudgedRequest]:
    """The requests that the filter of this provider or model passed or refused.

    What our policy, a rule of a team, a plan or an outage stopped is no outcome of that filter.
    """
    document_of = cache(document_for)
    for one in attempts:
        if one.prompt is None or not _is_at(one, asked, document_of):
            continue
        if one.outcome is AttemptOutcome.REFUSED:
            answer = find_gate(one, ())
            if answer is None or answer.gate is not Gate.PROVIDER_FILTER:
                continue
        elif one.outcome is not AttemptOutcome.PASSED:
            continue
        yield JudgedRequest(
            prompt=one.prompt,
            refused=one.outcome is AttemptOutcome.REFUSED,
            at=one.at,
            seconds=one.seconds,
            width=one.width,
            height=one.height,
            reported=one.is_reported,
        )


def _is_at(attempt: AttemptRecord, asked: str, document_of: Callable[[str], Document | None]) -> bool:
    """Whether the attempt was made at the provider, or with the model, that `asked` names."""
    asked = asked.casefold()
    names = (attempt.provider.casefold(), attempt.model.casefold())
    if asked in names:
        return True
    document = document_of(asked)
    is_provider = document is not None and asked in (document.provider, *document.aliases)
    return is_provider and document in [document_of(name) for name in names if name]
