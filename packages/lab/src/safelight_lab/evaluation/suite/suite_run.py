"""Runs a suite: every row through the detectors and the policies, and through the peers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from safelight.detectors.protocol import TextDetector
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import Policy
from safelight.policy.findings import Cell, Taxonomy
from safelight.policy.tenant_policy import TenantPolicy
from safelight_lab.evaluation.assessments import deciding_category
from safelight_lab.evaluation.prompt_eval import hash_of_versions, outcome_of

from .cache import Cache, Decision, hash_of_code
from .manifests import SuiteRow, SuiteSet
from .peers import Peer, ask

#: Seconds for the detectors of one text.
TEXT_BUDGET_S = 60.0
#: In the note of a cell: causes of a gap that the next run may not have.
_PASSING = (" failed: ", "did not finish", " is stuck ", "were over")


def is_unfinished(cells: Iterable[Cell]) -> bool:
    """Whether a detector failed or ran out of time."""
    return any(cause in cell.note for cell in cells for cause in _PASSING)


def unhurried(detectors: Sequence[TextDetector]) -> TextPipeline:
    """The detectors with so much time that a busy machine does not change a verdict."""
    return TextPipeline(detectors, budget_s=TEXT_BUDGET_S)


@dataclass(kw_only=True)
class Judged:
    """The decisions about all rows, by column and hash of the text."""

    columns: dict[str, dict[str, Decision]] = field(default_factory=dict)
    #: Texts on which a detector failed or ran out of time. They count with their decision and are not
    #: stored, so that the next run tries again.
    unfinished: int = 0
    #: Texts that were not in the cache for a policy.
    screened: int = 0


@dataclass(frozen=True, kw_only=True)
class SuiteRun:
    """One set of judges over one set of rows."""

    pipeline: TextPipeline
    taxonomy: Taxonomy
    #: By column.
    policies: Mapping[str, Policy]
    peers: Sequence[Peer]
    folder: Path

    @property
    def model_hash(self) -> str:
        return hash_of_versions({one.name: one.version for one in self.pipeline.detectors})

    def run(self, sets: Sequence[SuiteSet], *, observe: Callable[[], None] = lambda: None) -> Judged:
        """Decides about each text that the cache does not know. `observe` is called after each text."""
        rows = {row.sha256: row for one in sets for row in one.rows}
        judged = Judged()
        with ExitStack() as stack:
            caches = {
                name: stack.enter_context(
                    Cache(
                        self.folder, "policy", policy.sha256, self.model_hash, hash_of_code(), kind=Decision
                    )
                )
                for name, policy in self.policies.items()
            }
            others = [
                (
                    peer,
                    stack.enter_context(Cache(self.folder, "peer", peer.name, peer.version, kind=Decision)),
                )
                for peer in self.peers
                if peer.stops is not None
            ]
            judged.columns = {name: dict(cache.decisions) for name, cache in caches.items()}
            judged.columns |= {peer.name: cache.decisions for peer, cache in others}
            policies = {
                name: TenantPolicy(tenant="", taxonomy=self.taxonomy, policy=policy)
                for name, policy in self.policies.items()
            }
            for sha256, row in rows.items():
                unknown = {name: one for name, one in policies.items() if sha256 not in judged.columns[name]}
                if unknown:
                    self._screen(row, unknown, caches, judged)
                for peer, cache in others:
                    ask(peer, cache, sha256, row.case.text)
                observe()
        return judged

    def _screen(
        self,
        row: SuiteRow,
        policies: Mapping[str, TenantPolicy],
        caches: Mapping[str, Cache[Decision]],
        judged: Judged,
    ) -> None:
        found = self.pipeline.screen({"prompt": row.case.text})
        outcome = outcome_of(row.case, found, policies)
        unfinished = is_unfinished(found.cells)
        judged.screened += 1
        judged.unfinished += unfinished
        for name, verdict in outcome.verdicts.items():
            decision = Decision(action=verdict.action.value, category=deciding_category(verdict))
            judged.columns[name][row.sha256] = decision
            if not unfinished:
                caches[name].put(row.sha256, decision)
