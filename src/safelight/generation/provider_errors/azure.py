"""Azure's OpenAI service: the error code `content_filter`, with one severity per category."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_FILTER = "https://learn.microsoft.com/en-us/azure/ai-services/openai/concepts/content-filter"
_MAYBE = "documented: a 400 of the filter may be charged, for the evaluation of the prompt"
_ERRORS = "https://learn.microsoft.com/en-us/azure/ai-services/openai/quotas-limits"

AZURE = Provider(
    name="azure",
    title="Azure OpenAI",
    aliases=frozenset({"azure-openai", "azure_openai", "microsoft", "foundry"}),
    signs=r"openai\.azure\.com|azure openai|AzureException|AzureOpenAI|cognitiveservices"
    r"|ResponsibleAIPolicyViolation"
    r"|content_filter_results?|azure\.core\.exceptions|content management policy|azure support",
    rows=(
        ErrorRule(
            id="azure.filter.output",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_FILTER,
            fields={
                "code|failure_reason|finish_reason|reason|error": r"content_filter\w*|output_moderation"
                r"|ResponsibleAIPolicyViolation"
            },
            text=r"response was filtered(?! due to the prompt)|generated (?:content|video|image"
            r"|output)|(?:output|completion) was (?:filtered|blocked)"
            r"|output_moderation",
            stage=ModerationStage.OUTPUT,
        ),
        ErrorRule(
            id="azure.filter.input-moderation",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_FILTER,
            fields={"code|failure_reason|reason|error": r"input_moderation"},
            anywhere=True,
            stage=ModerationStage.INPUT,
        ),
        ErrorRule(
            id="azure.filter.output-moderation",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_FILTER,
            fields={"code|failure_reason|reason|error": r"output_moderation"},
            anywhere=True,
            stage=ModerationStage.OUTPUT,
        ),
        ErrorRule(
            id="azure.filter.prompt",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_FILTER,
            fields={
                "code|type|reason": r"content_filter\w*|ResponsibleAIPolicyViolation"
                r"|content_policy_violation"
            },
            stage=ModerationStage.INPUT,
            charge_source=_MAYBE,
        ),
        ErrorRule(
            id="azure.moderation-blocked",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_FILTER,
            fields={"code": r"moderation_blocked"},
        ),
        ErrorRule(
            id="azure.policy-violation",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_FILTER,
            fields={"code": r"content_policy_violation", "type": r"invalid_request_error"},
            text=r"blocked by our content filters",
            anywhere=True,
            charge_source=_MAYBE,
        ),
        ErrorRule(
            id="azure.job-filter",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_FILTER,
            fields={"code|failure_reason|reason": r"contentFilter"},
            anywhere=True,
        ),
        ErrorRule(
            id="azure.filter.sentence",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_FILTER,
            text=r"prompt triggering (?:azure openai.s |microsoft.s )?content management policy"
            r"|content management policy|ResponsibleAIPolicyViolation",
            anywhere=True,
            stage=ModerationStage.INPUT,
            charge_source=_MAYBE,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="azure.rate-limit",
            kind=ErrorKind.RATE_LIMIT,
            documented=_ERRORS,
            text=r"exceeded (?:call rate limit|token rate limit|the .{0,40}rate limit)"
            r"|rate limit of your current",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="azure.too-many-jobs",
            kind=ErrorKind.RATE_LIMIT,
            documented=_ERRORS,
            text=r"too many (?:running|pending) (?:tasks|jobs)",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="azure.deployment",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_ERRORS,
            fields={"code": r"DeploymentNotFound|OperationNotSupported|unsupported_\w+|InvalidRequest"},
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="azure.key",
            kind=ErrorKind.AUTH,
            documented=_ERRORS,
            text=r"access denied due to invalid subscription key"
            r"|invalid subscription key or wrong api endpoint",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)
