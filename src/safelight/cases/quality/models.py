"""Golden cases, second reviews, and random samples of delivered videos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.accounts import ReviewRank
from safelight.core.envelopes import whole_seconds
from safelight.videos.case_rows import DecisionAction

from .sampling import Stratum

_DAY_S = 86_400.0
#: After this time without an answer a quality review is closed.
REVIEW_DUE_S = 7 * _DAY_S
#: The same for a sample, of which there are hundreds.
SAMPLE_DUE_S = 30 * _DAY_S
#: For how long answers count in figures about people. After that they are deleted.
KEEP_ANSWERS_S = 30 * _DAY_S
#: A team with fewer people who answered has no other figure than how far they agree, because figures would
#: be about single people.
MIN_PEOPLE = 5
#: A category of a higher severity makes no golden case: a milder one tests the same.
MAX_GOLDEN_SEVERITY = 8
#: The largest sample of one stratum. With 20,000 answers the interval of a rate of 0.5 % is 0.2 points wide.
MAX_PER_STRATUM = 20_000

#: Each decision as an answer. In an appeal of a reporter, overturn and uphold mean the opposite.
AS_ANSWER: Mapping[DecisionAction, DecisionAction] = {
    DecisionAction.APPROVE: DecisionAction.IN_POLICY,
    DecisionAction.KEEP: DecisionAction.IN_POLICY,
    DecisionAction.OVERTURN: DecisionAction.IN_POLICY,
    DecisionAction.REFUSE: DecisionAction.AGAINST_POLICY,
    DecisionAction.WITHDRAW: DecisionAction.AGAINST_POLICY,
    DecisionAction.UPHOLD: DecisionAction.AGAINST_POLICY,
}


class QualityPurpose(StrEnum):
    #: A video with a known answer.
    GOLDEN = "golden"
    #: A case that another person decided.
    SECOND = "second"
    #: A delivered video of a random sample.
    SAMPLE = "sample"


class Reconsidered(StrEnum):
    """Why another person judged a decision again."""

    APPEAL = "appeal"
    SECOND = "second_review"


@dataclass(frozen=True, kw_only=True)
class SamplingRule:
    """How many quality reviews are opened. With 0, none."""

    #: The part of all decisions that another person reviews, 0 to 1.
    second_review_rate: float = 0.0
    #: Golden cases that each reviewer gets per day.
    golden_per_day: int = 0


@dataclass(frozen=True, kw_only=True)
class NewQualityCase:
    """A quality review that is not open yet. The fields are those of the tables."""

    purpose: QualityPurpose
    #: The golden case, the first case, or the draw.
    source: str
    video_id: str
    due_s: float
    quarantined: bool = False
    category: str = ""
    required_rank: ReviewRank = ReviewRank.REVIEWER
    assigned_to: str | None = None
    expected: str | None = None
    first_person: str | None = None
    stratum: Stratum | None = None

    @property
    def opened_for(self) -> str:
        """Unique, so that a case is opened once."""
        return f"{self.purpose.value}:{self.source}:{self.assigned_to or self.video_id}"


@dataclass(frozen=True, kw_only=True)
class NewGolden:
    video_id: str
    answer: str
    note: str
    clause: str | None = None


@dataclass(frozen=True, kw_only=True)
class Golden:
    """A video whose right answer a person wrote down."""

    id: str
    video_id: str
    answer: str
    clause: str | None
    note: str
    created_at: float
    retired_at: float | None


def golden_object(golden: Golden) -> dict[str, Any]:
    """A golden case as JSON, without its author."""
    return {
        "id": golden.id,
        "object": "golden_case",
        "video_id": golden.video_id,
        "answer": golden.answer,
        "clause": golden.clause,
        "note": golden.note,
        "created_at": int(golden.created_at),
        "retired_at": whole_seconds(golden.retired_at),
    }


@dataclass(frozen=True, kw_only=True)
class NewDraw:
    """A random sample of the videos that were delivered from `since` until before `until`."""

    since: float
    until: float
    per_stratum: int


@dataclass(frozen=True, kw_only=True)
class StratumCounts:
    stratum: Stratum
    delivered: int
    drawn: int
    answered: int
    #: The answers "against the policy".
    found: int


@dataclass(frozen=True, kw_only=True)
class Draw:
    id: str
    since: float
    until: float
    drawn_at: float
    strata: tuple[StratumCounts, ...]


@dataclass(frozen=True, kw_only=True)
class OwnAnswer:
    """An answer of the reviewer that can be compared."""

    purpose: QualityPurpose
    at: float
    answer: str
    expected: str
    #: Why the answer of a golden case is right.
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class TeamAnswers:
    """The answers of all people, without their names."""

    #: The number of people who answered.
    people: int
    #: For each golden case and each twice decided case: all answers.
    of_cases: tuple[tuple[str, ...], ...]
    #: For each golden answer: the right one, and the given one.
    golden: tuple[tuple[str, str], ...]
    #: For each second review: the first decision, and the second answer.
    second: tuple[tuple[str, str], ...]
    #: For each answer: that of the checks and the policy, and that of the person.
    machine: tuple[tuple[str, str], ...]
