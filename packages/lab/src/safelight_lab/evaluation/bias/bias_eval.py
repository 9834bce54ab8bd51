"""The bias audit: runs the sentences through the prompt stage and compares each group with its reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from safelight.core.errors import InvalidField, NotFound
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import Policy
from safelight.policy.findings import Taxonomy
from safelight.policy.tenant_policy import TenantPolicy
from safelight.providers.advice.check_result import summarize_check
from safelight.providers.advice.help_gate import HelpAnswer
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.screening.prompt import PromptStage
from safelight_lab.evaluation.advice_eval import hash_of_advice
from safelight_lab.evaluation.assessments import deciding_category
from safelight_lab.evaluation.prompt_eval import hash_of_versions
from safelight_lab.evaluation.suite.cache import Cache, Decision, hash_of_code
from safelight_lab.evaluation.suite.manifests import sha256_of
from safelight_lab.evaluation.suite.suite_run import is_unfinished

from .equivalence import ALPHA, MARGIN, bootstrap_interval, detectable, equivalence_p, holm
from .sentences import DIALECT, LANGUAGE, LANGUAGES, SIDES, Audit, Sentence

FORMAT = "safelight-bias-1"
EQUIVALENT, FAILED, NOT_SHOWN = "equivalent", "failed", "not shown"
#: What is compared. Only the first decides about the result.
STOPPED, HELP_LINES, ADVICE, RISK = MEASURES = ("stopped", "help lines", "advice", "risk above low")
_FIELD = "prompt"
#: What a signature names: the gap in points with one decimal, the person, the reason and the date.
_SIGNED = ("dimension", "group", "side", "gap", "by", "reason", "date")


@dataclass(frozen=True, kw_only=True)
class BiasDecision(Decision):
    """What one sentence gets beside its verdict."""

    help_lines: bool = False
    answer: str = ""
    risk: str = ""

    def share_of(self, measure: str) -> bool:
        return {
            STOPPED: self.stopped,
            HELP_LINES: self.help_lines,
            ADVICE: self.answer == HelpAnswer.HELP.value,
            RISK: self.risk not in ("", "unknown", "low"),
        }[measure]


@dataclass(frozen=True, kw_only=True)
class BiasRun:
    """Judges sentences with one pipeline under one policy, without waivers."""

    pipeline: TextPipeline
    taxonomy: Taxonomy
    policy: Policy
    folder: Path

    @property
    def model_hash(self) -> str:
        return hash_of_versions({one.name: one.version for one in self.pipeline.detectors})

    def run(
        self, texts: Iterable[str], *, observe: Callable[[], None] = lambda: None
    ) -> tuple[dict[str, BiasDecision], int]:
        """The decision about each text, and the number of texts on which a detector failed or was late.

        Decisions of an earlier run are read from the folder. `observe` is called after each text.
        """
        policy = TenantPolicy(tenant="", taxonomy=self.taxonomy, policy=self.policy)
        stage = PromptStage(pipeline=self.pipeline)
        judge = ("bias", self.policy.sha256, self.model_hash, hash_of_code(), hash_of_advice())
        found: dict[str, BiasDecision] = {}
        unfinished = 0
        with Cache(self.folder, *judge, kind=BiasDecision) as cache:
            for text in texts:
                sha256 = sha256_of(text)
                if (known := cache.decisions.get(sha256)) is None:
                    known, late = self._judge(text, stage, policy)
                    unfinished += late
                    if not late:
                        cache.put(sha256, known)
                found[text] = known
                observe()
        return found, unfinished

    def _judge(self, text: str, stage: PromptStage, policy: TenantPolicy) -> tuple[BiasDecision, bool]:
        texts = {_FIELD: text}
        result = stage.screen(texts, policy)
        advice = summarize_check((result,), self.taxonomy, texts=texts, options=AdviceOptions()).prompt_advice
        decision = BiasDecision(
            action=result.verdict.action.value,
            category=deciding_category(result.verdict),
            help_lines=result.verdict.support,
            answer=advice.answer.value,
            risk=advice.risk.level.value,
        )
        return decision, is_unfinished(result.coverage)


def compare_groups(
    audit: Audit, decisions: Mapping[str, BiasDecision], *, signatures: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """A row for each dimension, group and side: shares, the difference to the reference, and the result."""
    rows = [*_compare_groups(audit, decisions), *_compare_languages(audit, decisions)]
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_corrected"] = p
        gap = row["measures"][STOPPED]["difference"]
        is_failed = abs(gap) > MARGIN + 1e-9
        row["result"] = FAILED if is_failed else EQUIVALENT if p < ALPHA else NOT_SHOWN
        row["detectable"] = detectable(row.pop("frames_differences"), ALPHA / len(rows))
        row["signed"] = None
    for one in signatures:
        _sign(rows, one)
    return rows


def read_signatures(path: Path) -> list[dict[str, Any]]:
    """The signed gaps of a YAML file. Raises `NotFound`, or `InvalidField`."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidField(f"{path.name} is not valid YAML.") from error
    for one in found if isinstance(found, list) else [None]:
        if (
            not isinstance(one, dict)
            or set(one) != set(_SIGNED)
            or not all(str(one[key]).strip() for key in one)
        ):
            raise InvalidField(f"{path.name} must be a list of signatures, each with {', '.join(_SIGNED)}.")
    return list(found)


def _sign(rows: Sequence[dict[str, Any]], signature: Mapping[str, Any]) -> None:
    """Marks the failed gap that was signed. A gap that is not the same one needs a new signature."""
    named = tuple(signature[key] for key in ("dimension", "group", "side"))
    row = next((row for row in rows if (row["dimension"], row["group"], row["side"]) == named), None)
    name = " / ".join(map(str, named))
    if row is None:
        raise InvalidField(f"A signature is for {name}, which is not a group of this audit.", param="signed")
    points = round(100 * row["measures"][STOPPED]["difference"], 1)
    if row["result"] != FAILED or points != signature["gap"]:
        raise InvalidField(
            f"A signature is for a gap of {signature['gap']} points of {name}; the gap is {points} points, "
            f"{row['result']}.",
            param="signed",
            remedy="Have the gap as it is now signed, or take the signature out.",
        )
    row["signed"] = {key: str(signature[key]) for key in ("by", "reason", "date")}


def _compare_groups(audit: Audit, decisions: Mapping[str, BiasDecision]) -> Iterable[dict[str, Any]]:
    """Each group against the reference of its dimension, by frame in its language."""
    by_group: dict[tuple[str, str, str], dict[tuple[str, str], Sentence]] = {}
    for one in audit.sentences:
        key = one.dimension, one.side, one.group
        by_group.setdefault(key, {})[one.frame, one.variant] = one
    for (dimension, side, group), own in by_group.items():
        reference = audit.references[dimension]
        if group != reference:
            other = by_group[dimension, side, reference]
            pairs = [(f"{key[0]} {one.lang}", one.text, other[key].text) for key, one in own.items()]
            yield _compare(dimension, group, reference, side, pairs, decisions)


def _compare_languages(audit: Audit, decisions: Mapping[str, BiasDecision]) -> Iterable[dict[str, Any]]:
    """Chinese against English: the same frames, with all groups that both languages name."""
    reference, other = LANGUAGES
    for side in SIDES:
        texts: dict[tuple[str, str, str, str], dict[str, str]] = {}
        for one in audit.sentences:
            if one.side == side and not one.frame.startswith(DIALECT):
                _lang, variant = one.variant.split()
                key = one.frame, one.dimension, one.group, variant
                texts.setdefault(key, {})[one.lang] = one.text
        pairs = [
            (key[0], both[other], both[reference])
            for key, both in texts.items()
            if len(both) == len(LANGUAGES)
        ]
        if pairs:
            yield _compare(LANGUAGE, other, reference, side, pairs, decisions)


def _compare(
    dimension: str,
    group: str,
    reference: str,
    side: str,
    pairs: Sequence[tuple[str, str, str]],
    decisions: Mapping[str, BiasDecision],
) -> dict[str, Any]:
    """`pairs`: frame, text with the group, text with the reference."""
    measures: dict[str, dict[str, Any]] = {}
    stopped: list[float] = []
    for measure in MEASURES:
        frames: dict[str, list[int]] = {}
        own, others = 0, 0
        for frame, text, other in pairs:
            this, that = (decisions[one].share_of(measure) for one in (text, other))
            frames.setdefault(frame, []).append(this - that)
            own, others = own + this, others + that
        # A frame counts once, however many pairs it has.
        means = [sum(found) / len(found) for found in frames.values()]
        measures[measure] = {
            "group": own / len(pairs),
            "reference": others / len(pairs),
            "difference": sum(means) / len(means),
            "interval": [*bootstrap_interval(means)],
        }
        if measure == STOPPED:
            stopped = means
    return {
        "dimension": dimension,
        "group": group,
        "reference": reference,
        "side": side,
        "pairs": len(pairs),
        "frames": len(stopped),
        "frames_differing": sum(one != 0 for one in stopped),
        "measures": measures,
        "p": equivalence_p(stopped),
        "frames_differences": stopped,
    }


def find_causes(
    audit: Audit, decisions: Mapping[str, BiasDecision], rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """For each failed gap, how many sentences of the group were stopped under which category."""
    failed = {
        (row["dimension"], row["group"], row["side"])
        for row in rows
        if row["result"] == FAILED and row["dimension"] != LANGUAGE
    }
    found: dict[tuple[str, str, str], Counter[str]] = {key: Counter() for key in failed}
    for one in audit.sentences:
        key = one.dimension, one.group, one.side
        if key in found and (decision := decisions[one.text]).stopped:
            found[key][decision.category or "no category"] += 1
    return [
        {"dimension": key[0], "group": key[1], "side": key[2], "stopped": dict(counts.most_common())}
        for key, counts in sorted(found.items())
    ]
