"""Runway: a failed task has a `failureCode`. A moderated task costs the same as a finished one."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ModerationStage, ProviderRetry
from .rules import ErrorRule, Provider

_TASKS = "https://docs.dev.runwayml.com/errors/task-failures"
_HTTP = "https://docs.dev.runwayml.com/errors/errors"
_MODERATION = "https://docs.dev.runwayml.com/usage/moderation"
_COSTS = "documented: a moderated generation has the same credit cost as a successful one"
_FIELD = "failurecode|failure_code|code"


def _safety(side: ModerationStage, what: str, modality: str) -> ErrorRule:
    return ErrorRule(
        id=f"runway.safety.{side.value}.{modality or 'any'}",
        kind=ErrorKind.CONTENT_BLOCK,
        documented=f"{_TASKS}; {_MODERATION}",
        text=rf"\bSAFETY\.{side.value.upper()}{what}",
        anywhere=True,
        stage=side,
        modality=modality,
        charged=ChargeStatus.YES,
        charge_source=_COSTS,
        retry=ProviderRetry.CHANGE_PROMPT,
        next_step={
            "text": "Change the prompt. Runway's documentation advises against repeating a moderated task.",
            "image": "Change the reference image. Runway's documentation advises against repeating a "
            "moderated task.",
        }.get(
            modality, "Change the request. Runway's documentation advises against repeating a moderated task."
        ),
    )


RUNWAY = Provider(
    name="runway",
    title="Runway",
    aliases=frozenset({"runwayml", "gen4", "gen4.5", "gen-4", "gen4_turbo"}),
    signs=r"runwayml|failureCode|api\.dev\.runway|\bgen4[._]|SAFETY\.(?:INPUT|OUTPUT)|INTERNAL\.BAD_OUTPUT",
    rows=(
        _safety(ModerationStage.INPUT, r"\.TEXT", "text"),
        _safety(ModerationStage.INPUT, r"\.IMAGE", "image"),
        _safety(ModerationStage.INPUT, r"\.VIDEO", "video"),
        _safety(ModerationStage.INPUT, r"\.AUDIO", "audio"),
        _safety(ModerationStage.INPUT, "", ""),
        _safety(ModerationStage.OUTPUT, r"\.IMAGE", "image"),
        _safety(ModerationStage.OUTPUT, r"\.AUDIO", "audio"),
        _safety(ModerationStage.OUTPUT, "", "video"),
        ErrorRule(
            id="runway.bad-output",
            kind=ErrorKind.TRANSIENT,
            documented=_TASKS,
            text=r"\bINTERNAL\.BAD_OUTPUT",
            anywhere=True,
            retry=ProviderRetry.SAME,
            message="Runway discarded its own result because of its quality or a system error. This is not "
            "a judgement of the content.",
            next_step="Submit the same request again; if it keeps failing, remove text or graphics "
            "from the image.",
        ),
        ErrorRule(
            id="runway.preprocessing.safety",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_TASKS,
            text=r"\bINPUT_PREPROCESSING\.SAFETY\.?(?:TEXT|IMAGE|VIDEO)?",
            anywhere=True,
            stage=ModerationStage.INPUT,
            charged=ChargeStatus.YES,
            charge_source=_COSTS,
            retry=ProviderRetry.CHANGE_PROMPT,
        ),
        ErrorRule(
            id="runway.preprocessing",
            kind=ErrorKind.TRANSIENT,
            documented=_TASKS,
            text=r"\bINPUT_PREPROCESSING\.(?:INTERNAL|THIRD_PARTY\w*)"
            r"|\bINTERNAL(?:\.[A-Z_]+)?\b(?=[\"'\s,}])|\bTHIRD_PARTY\.UNAVAILABLE",
            fields={_FIELD: r"INPUT_PREPROCESSING\..*|INTERNAL(?:\..*)?|THIRD_PARTY\..*"},
            retry=ProviderRetry.SAME,
        ),
        ErrorRule(
            id="runway.asset",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_TASKS,
            text=r"\bASSET\.INVALID|\bINPUT_PREPROCESSING\b",
            anywhere=True,
            next_step="Correct the file: the model does not accept its format, size, length or address.",
        ),
        ErrorRule(
            id="runway.task-safety-words",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=f"{_TASKS}; {_MODERATION}",
            fields={"failure": r"[\s\S]*(?:moderat|content polic|usage polic|safety)[\s\S]*"},
            charged=ChargeStatus.YES,
            charge_source=_COSTS,
            retry=ProviderRetry.CHANGE_PROMPT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="runway.credits",
            kind=ErrorKind.QUOTA,
            documented=_HTTP,
            text=r"not have enough credits|insufficient credits|out of credits|daily (?:task"
            r"|generation) limit",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="runway.rate-limit",
            kind=ErrorKind.RATE_LIMIT,
            documented=_HTTP,
            status=frozenset({429}),
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="runway.shedding-load",
            kind=ErrorKind.TRANSIENT,
            documented=_HTTP,
            status=frozenset({502, 503, 504}),
        ),
        ErrorRule(
            id="runway.key",
            kind=ErrorKind.AUTH,
            documented=_HTTP,
            status=frozenset({401, 403}),
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="runway.invalid",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_HTTP,
            status=frozenset({400, 404, 405, 413, 422}),
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)
