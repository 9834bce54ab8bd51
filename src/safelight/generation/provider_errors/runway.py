"""Runway: a failed task carries a `failureCode`; a moderated task costs what a finished one costs."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Again, Confidence, Kind, Side
from .rules import Provider, Row

_TASKS = "docs.dev.runwayml.com/errors/task-failures"
_HTTP = "docs.dev.runwayml.com/errors/errors"
_MODERATION = "docs.dev.runwayml.com, usage/moderation"
_COSTS = "documented: a moderated generation has the same credit cost as a successful one"
_FIELD = "failurecode|failure_code|code"


def _safety(side: Side, what: str, modality: str) -> Row:
    return Row(
        id=f"runway.safety.{side.value}.{modality or 'any'}",
        kind=Kind.CONTENT_BLOCK,
        documented=f"{_TASKS}; {_MODERATION}",
        says=rf"\bSAFETY\.{side.value.upper()}{what}",
        anywhere=True,
        stage=side,
        modality=modality,
        charged=Charged.YES,
        charge_source=_COSTS,
        retry=Again.CHANGE_PROMPT,
        next_step={
            "text": "Change the prompt. Runway's documentation says not to send a moderated task again.",
            "image": "Change the reference image. Runway's documentation says not to send a moderated "
            "task again.",
        }.get(modality, "Change the order. Runway's documentation says not to send a moderated task again."),
    )


RUNWAY = Provider(
    name="runway",
    title="Runway",
    aliases=frozenset({"runwayml", "gen4", "gen4.5", "gen-4", "gen4_turbo"}),
    signs=r"runwayml|failureCode|api\.dev\.runway|\bgen4[._]|SAFETY\.(?:INPUT|OUTPUT)|INTERNAL\.BAD_OUTPUT",
    rows=(
        _safety(Side.INPUT, r"\.TEXT", "text"),
        _safety(Side.INPUT, r"\.IMAGE", "image"),
        _safety(Side.INPUT, r"\.VIDEO", "video"),
        _safety(Side.INPUT, r"\.AUDIO", "audio"),
        _safety(Side.INPUT, "", ""),
        _safety(Side.OUTPUT, r"\.IMAGE", "image"),
        _safety(Side.OUTPUT, r"\.AUDIO", "audio"),
        _safety(Side.OUTPUT, "", "video"),
        Row(
            id="runway.bad-output",
            kind=Kind.TRANSIENT,
            documented=_TASKS,
            says=r"\bINTERNAL\.BAD_OUTPUT",
            anywhere=True,
            retry=Again.SAME,
            sentence="Runway threw its own result away for its quality or an error in its system. That is no "
            "judgement of the content.",
            next_step="Send the same order again; where it keeps failing, leave out text or graphics "
            "laid over the image.",
        ),
        Row(
            id="runway.preprocessing.safety",
            kind=Kind.CONTENT_BLOCK,
            documented=_TASKS,
            says=r"\bINPUT_PREPROCESSING\.SAFETY\.?(?:TEXT|IMAGE|VIDEO)?",
            anywhere=True,
            stage=Side.INPUT,
            charged=Charged.YES,
            charge_source=_COSTS,
            retry=Again.CHANGE_PROMPT,
        ),
        Row(
            id="runway.preprocessing",
            kind=Kind.TRANSIENT,
            documented=_TASKS,
            says=r"\bINPUT_PREPROCESSING\.(?:INTERNAL|THIRD_PARTY\w*)"
            r"|\bINTERNAL(?:\.[A-Z_]+)?\b(?=[\"'\s,}])|\bTHIRD_PARTY\.UNAVAILABLE",
            fields={_FIELD: r"INPUT_PREPROCESSING\..*|INTERNAL(?:\..*)?|THIRD_PARTY\..*"},
            retry=Again.SAME,
        ),
        Row(
            id="runway.asset",
            kind=Kind.INVALID_REQUEST,
            documented=_TASKS,
            says=r"\bASSET\.INVALID|\bINPUT_PREPROCESSING\b",
            anywhere=True,
            next_step="Correct the file: its format, size, length or address is not what the model takes.",
        ),
        Row(
            id="runway.task-safety-words",
            kind=Kind.CONTENT_BLOCK,
            documented=f"{_TASKS}; {_MODERATION}",
            fields={"failure": r"[\s\S]*(?:moderat|content polic|usage polic|safety)[\s\S]*"},
            charged=Charged.YES,
            charge_source=_COSTS,
            retry=Again.CHANGE_PROMPT,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="runway.credits",
            kind=Kind.QUOTA,
            documented=_HTTP,
            says=r"not have enough credits|insufficient credits|out of credits|daily (?:task"
            r"|generation) limit",
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="runway.rate-limit",
            kind=Kind.RATE_LIMIT,
            documented=_HTTP,
            status=frozenset({429}),
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="runway.shedding-load",
            kind=Kind.TRANSIENT,
            documented=_HTTP,
            status=frozenset({502, 503, 504}),
        ),
        Row(
            id="runway.key",
            kind=Kind.AUTH,
            documented=_HTTP,
            status=frozenset({401, 403}),
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="runway.invalid",
            kind=Kind.INVALID_REQUEST,
            documented=_HTTP,
            status=frozenset({400, 404, 405, 413, 422}),
            charged=Charged.NO,
            charge_source="not taken",
        ),
    ),
)
