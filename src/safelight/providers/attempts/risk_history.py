"""Risk history: fits the risk model on the attempts of a tenant at one provider, and keeps it for a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from safelight.providers.advice.provider_rules import Document, document_for
from safelight.providers.advice.risk_features import MAX_CHARS, find_features
from safelight.providers.advice.risk_model import (
    MAX_REQUESTS,
    JudgedRequest,
    RiskEstimate,
    RiskModel,
    fit_risk,
)

from .attempt_log import AttemptLog
from .gate import ErrorGates, Gate
from .models import AttemptFilter, AttemptOutcome, AttemptRecord
from .newest_attempts import iterate_newest

#: Newest attempts of the tenant that are read.
MAX_READ = 2_000
#: A model is fitted again after this time: fitting takes up to seconds.
KEEP_S = 300.0
#: Most models in memory, of all tenants and of one; one needs up to 15 MB.
_MAX_MODELS, _MAX_OF_TENANT = 16, 4


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
        #: Tenants for which a model is fitted now.
        self._fitting: set[str] = set()

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
        model = self._model(tenant, asked)
        if model is None:
            return None
        width, height = size or (None, None)
        return model.estimate(find_features(prompt, seconds=seconds, width=width, height=height))

    def estimate_all(
        self,
        tenant: str,
        asked: str,
        prompts: Sequence[str],
        *,
        seconds: float | None = None,
        size: tuple[int, int] | None = None,
    ) -> Sequence[float] | None:
        """The probability of a refusal of each prompt; None if too few outcomes are known."""
        model = self._model(tenant, asked)
        if model is None:
            return None
        width, height = size or (None, None)
        features = [find_features(one, seconds=seconds, width=width, height=height) for one in prompts]
        return [float(risk) for risk in model.probabilities(features)]

    def _model(self, tenant: str, asked: str) -> RiskModel | None:
        """The kept model, or a new one. While a model of the tenant is fitted, other checks do not wait."""
        asked = asked.strip().casefold()
        # An empty name would match the attempts without a model.
        if not asked:
            return None
        key = (tenant, asked)
        with self._lock:
            kept = self._kept.get(key)
            is_fresh = kept is not None and self._monotonic() - kept.at < KEEP_S
            if is_fresh or tenant in self._fitting:
                return kept.model if kept else None
            self._fitting.add(tenant)
        try:
            newest = iterate_newest(self._log, tenant, AttemptFilter(), limit=MAX_READ)
            model = fit_risk(judged_requests(newest, asked))
            with self._lock:
                self._keep(key, model)
            return model
        finally:
            with self._lock:
                self._fitting.discard(tenant)

    def _keep(self, key: tuple[str, str], model: RiskModel | None) -> None:
        self._kept[key] = _Kept(model=model, at=self._monotonic())
        self._kept.move_to_end(key)
        own = [one for one in self._kept if one[0] == key[0]]
        if len(own) > _MAX_OF_TENANT:
            del self._kept[own[0]]
        if len(self._kept) > _MAX_MODELS:
            self._kept.popitem(last=False)


def judged_requests(newest_first: Iterable[AttemptRecord], asked: str) -> Iterator[JudgedRequest]:
    """The requests that the filter of this provider or model passed or refused, at most `MAX_REQUESTS`.

    What our policy, a rule of a team, a plan or an outage stopped is no outcome of that filter.
    """
    document_of = cache(document_for)
    keys: set[tuple[object, ...]] = set()
    gates = ErrorGates()
    for one in newest_first:
        if one.prompt is None or not _is_at(one, asked, document_of):
            continue
        if one.outcome not in (AttemptOutcome.PASSED, AttemptOutcome.REFUSED):
            continue
        judged = _judged(one, one.prompt)
        keys.add(judged.key)
        if len(keys) > MAX_REQUESTS:
            return
        if judged.refused:
            gate = gates.find(one.provider, one.error)
            if gate is None:
                # Without this refusal, older requests that passed would weigh too much.
                return
            # A refusal that no rule explains is the filter's.
            if gate not in (Gate.PROVIDER_FILTER, Gate.UNKNOWN):
                continue
        yield judged


def _judged(attempt: AttemptRecord, prompt: str) -> JudgedRequest:
    return JudgedRequest(
        prompt=prompt[:MAX_CHARS],
        refused=attempt.outcome is AttemptOutcome.REFUSED,
        at=attempt.at,
        seconds=attempt.seconds,
        width=attempt.width,
        height=attempt.height,
        reported=attempt.is_reported,
    )


def _is_at(attempt: AttemptRecord, asked: str, document_of: Callable[[str], Document | None]) -> bool:
    """Whether the attempt was made at the provider, or with the model, that `asked` names."""
    asked = asked.casefold()
    names = (attempt.provider.casefold(), attempt.model.casefold())
    if asked in names:
        return True
    document = document_of(asked)
    is_provider = document is not None and not document.has_model(asked)
    return is_provider and document in [document_of(name) for name in names if name]
