"""Azure's OpenAI service: `content_filter`, with one severity per category."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Confidence, Kind, Side
from .rules import Provider, Row

_FILTER = "learn.microsoft.com, Azure OpenAI content filtering"
_MAYBE = "documented: a 400 of the filter may be charged, for the evaluation of the prompt"
_ERRORS = "learn.microsoft.com, Azure OpenAI quotas and limits"

AZURE = Provider(
    name="azure",
    title="Azure OpenAI",
    aliases=frozenset({"azure-openai", "azure_openai", "microsoft", "foundry"}),
    signs=r"openai\.azure\.com|azure openai|AzureException|AzureOpenAI|cognitiveservices"
    r"|ResponsibleAIPolicyViolation"
    r"|content_filter_results?|azure\.core\.exceptions|content management policy",
    rows=(
        Row(
            id="azure.filter.output",
            kind=Kind.CONTENT_BLOCK,
            documented=_FILTER,
            fields={
                "code|failure_reason|finish_reason|reason|error": r"content_filter\w*|output_moderation"
                r"|ResponsibleAIPolicyViolation"
            },
            says=r"response was filtered(?! due to the prompt)|generated (?:content|video|image"
            r"|output)|(?:output|completion) was (?:filtered|blocked)"
            r"|output_moderation",
            stage=Side.OUTPUT,
        ),
        Row(
            id="azure.filter.input-moderation",
            kind=Kind.CONTENT_BLOCK,
            documented=_FILTER,
            fields={"code|failure_reason|reason|error": r"input_moderation"},
            anywhere=True,
            stage=Side.INPUT,
        ),
        Row(
            id="azure.filter.output-moderation",
            kind=Kind.CONTENT_BLOCK,
            documented=_FILTER,
            fields={"code|failure_reason|reason|error": r"output_moderation"},
            anywhere=True,
            stage=Side.OUTPUT,
        ),
        Row(
            id="azure.filter.prompt",
            kind=Kind.CONTENT_BLOCK,
            documented=_FILTER,
            fields={
                "code|type|reason": r"content_filter\w*|ResponsibleAIPolicyViolation"
                r"|content_policy_violation"
            },
            stage=Side.INPUT,
            charge_source=_MAYBE,
        ),
        Row(
            id="azure.job-filter",
            kind=Kind.CONTENT_BLOCK,
            documented=_FILTER,
            fields={"code|failure_reason|reason": r"contentFilter"},
            anywhere=True,
        ),
        Row(
            id="azure.filter.sentence",
            kind=Kind.CONTENT_BLOCK,
            documented=_FILTER,
            says=r"prompt triggering (?:azure openai.s |microsoft.s )?content management policy"
            r"|content management policy|ResponsibleAIPolicyViolation",
            anywhere=True,
            stage=Side.INPUT,
            charge_source=_MAYBE,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="azure.rate-limit",
            kind=Kind.RATE_LIMIT,
            documented=_ERRORS,
            says=r"exceeded (?:call rate limit|token rate limit|the .{0,40}rate limit)"
            r"|rate limit of your current",
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="azure.too-many-jobs",
            kind=Kind.RATE_LIMIT,
            documented=_ERRORS,
            says=r"too many (?:running|pending) (?:tasks|jobs)",
            anywhere=True,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="azure.deployment",
            kind=Kind.INVALID_REQUEST,
            documented=_ERRORS,
            fields={"code": r"DeploymentNotFound|OperationNotSupported|unsupported_\w+|InvalidRequest"},
            anywhere=True,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="azure.key",
            kind=Kind.AUTH,
            documented=_ERRORS,
            says=r"access denied due to invalid subscription key"
            r"|invalid subscription key or wrong api endpoint",
            anywhere=True,
            charged=Charged.NO,
            charge_source="not taken",
        ),
    ),
)
