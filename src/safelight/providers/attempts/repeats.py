"""Repeats: what it brought to send a refused request again unchanged, by provider, and what it cost. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from safelight.core.i18n import Messages
from safelight.policy.statistics import wilson
from safelight.providers.protocol import ChargeStatus
from safelight_client.money import format_money

from .charges import CurrencyTotal, sum_charges
from .models import AttemptOutcome, AttemptRecord
from .patterns import MIN_FOR_SHARE, identify_prompt

#: A later request belongs to another situation: the filter may have changed.
MAX_PAUSE_S = 86_400.0
#: Ended without an answer of the filter, but sent to the provider, which may have charged them.
_UNANSWERED = (AttemptOutcome.FAILED, AttemptOutcome.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class RepeatResult:
    """Requests that a provider's filter refused, and what came of sending them again unchanged."""

    provider: str
    #: What the first refusal was of: `input`, `output` or `unknown`.
    stage: str
    #: Different requests that were refused, those of them that were sent again, and those that passed at the
    #: first repeat, and at any.
    refused: int
    repeated: int
    passed_first: int
    passed: int
    #: Number of repeats with an answer of the filter, of those without one, and what all of them cost.
    tries: int
    unanswered: int
    charges: tuple[CurrencyTotal, ...]
    #: Repeats of which it is not known whether, or how much, they were charged.
    unknown_charges: int

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share that passed at the first repeat."""
        return wilson(self.passed_first, self.repeated) if self.repeated else (0.0, 1.0)

    def text(self, t: Messages) -> str:
        """What the repeats brought and what they cost. Few requests get no share."""
        low, high = self.interval
        sentences = [
            t(
                "repeats.few" if self.repeated < MIN_FOR_SHARE else "repeats.share",
                first=self.passed_first,
                repeated=self.repeated,
                low=f"{100 * low:.0f}",
                high=f"{100 * high:.0f}",
                passed=self.passed,
                tries=self.tries,
            )
        ]
        if self.unanswered:
            sentences.append(t("repeats.unanswered", count=self.unanswered))
        sentences += [t("repeats.cost", amount=format_money(one.left, one.currency)) for one in self.charges]
        if self.unknown_charges:
            sentences.append(t("repeats.unknown", count=self.unknown_charges))
        return " ".join(sentences)

    def as_json(self) -> dict[str, Any]:
        low, high = self.interval
        return {
            "provider": self.provider,
            "stage": self.stage,
            "refused": self.refused,
            "repeated": self.repeated,
            "passed_first": self.passed_first,
            "passed": self.passed,
            "tries": self.tries,
            "unanswered": self.unanswered,
            "rate": round(self.passed_first / self.repeated, 4) if self.repeated else None,
            "interval": [round(low, 4), round(high, 4)],
            "charges": [one.as_json() for one in self.charges],
            "unknown_charges": self.unknown_charges,
        }


def find_repeats(attempts: Iterable[AttemptRecord]) -> tuple[RepeatResult, ...]:
    """The results of each provider and refused part with at least one repeat.

    A request is a prompt with its model, length and size. Its first refusal counts, and the following
    attempts, each within a day of the one before, until one passes the filter. Attempts that failed for
    another reason say nothing about the filter; their cost counts. Those with a withheld prompt are left out.
    """
    requests: defaultdict[tuple[object, ...], list[AttemptRecord]] = defaultdict(list)
    for one in sorted(attempts, key=lambda each: (each.at, each.id)):
        if one.prompt and (_is_judged(one) or one.outcome in _UNANSWERED):
            requests[identify_prompt(one), one.model, one.seconds, one.width, one.height].append(one)
    chains: defaultdict[tuple[str, str], list[Sequence[AttemptRecord]]] = defaultdict(list)
    for tries in requests.values():
        chain = _first_chain(tries)
        if chain:
            chains[chain[0].provider, chain[0].stage].append(chain)
    found = [_summarize(provider, stage, each) for (provider, stage), each in sorted(chains.items())]
    sent_again = (one for one in found if one.tries or one.unanswered)
    return tuple(sorted(sent_again, key=lambda one: -one.repeated))


def _has_passed(one: AttemptRecord) -> bool:
    """Whether the provider's filter passed it, also if a policy of Safelight then blocked the file."""
    return one.outcome is AttemptOutcome.PASSED or (
        one.outcome is AttemptOutcome.STOPPED and one.file_came is True
    )


def _is_judged(one: AttemptRecord) -> bool:
    return one.outcome is AttemptOutcome.REFUSED or _has_passed(one)


def _first_chain(tries: Sequence[AttemptRecord]) -> list[AttemptRecord]:
    """The first refusal and its repeats; empty if nothing was refused."""
    chain: list[AttemptRecord] = []
    for one in tries:
        if not chain:
            if one.outcome is AttemptOutcome.REFUSED:
                chain.append(one)
            continue
        if one.at - chain[-1].at > MAX_PAUSE_S:
            break
        chain.append(one)
        if _has_passed(one):
            break
    return chain


def _summarize(provider: str, stage: str, chains: Sequence[Sequence[AttemptRecord]]) -> RepeatResult:
    repeats = [one for chain in chains for one in chain[1:]]
    judged = [[one for one in chain if _is_judged(one)] for chain in chains]
    tries = sum(len(chain) - 1 for chain in judged)
    return RepeatResult(
        provider=provider,
        stage=stage,
        refused=len(chains),
        repeated=sum(len(chain) > 1 for chain in judged),
        passed_first=sum(len(chain) > 1 and _has_passed(chain[1]) for chain in judged),
        passed=sum(_has_passed(chain[-1]) for chain in judged),
        tries=tries,
        unanswered=len(repeats) - tries,
        charges=sum_charges(repeats),
        unknown_charges=sum(
            one.charge.charged is ChargeStatus.UNKNOWN
            or (one.charge.charged is ChargeStatus.YES and one.charge.amount is None)
            for one in repeats
        ),
    )
