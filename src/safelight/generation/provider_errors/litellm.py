"""LiteLLM: exceptions that contain the provider's text, LiteLLM's own guardrails, and filtered Veo jobs
that are reported as completed.
"""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ErrorSource, ModerationStage
from .rules import ErrorRule, Provider

_MAP = "https://docs.litellm.ai/docs/exception_mapping"
_CODE = "https://github.com/BerriAI/litellm (llms/gemini/videos, llms/vertex_ai/videos)"
_GUARD = "https://docs.litellm.ai/docs/proxy/guardrails/quick_start"
_PROXY = "https://docs.litellm.ai/docs/proxy/users; https://docs.litellm.ai/docs/proxy/error_reference"

LITELLM = Provider(
    name="litellm",
    title="LiteLLM",
    aliases=frozenset({"lite-llm", "litellm-proxy"}),
    signs=r"litellm|video_bGl0ZWxsbT|Received Model Group|invalid proxy server token",
    relay=True,
    rows=(
        ErrorRule(
            id="litellm.filtered-veo",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CODE,
            text=r"litellm/llms/(?:gemini|vertex_ai)/videos[\s\S]{0,2000}(?:IndexError"
            r"|list index out of range|NoneType|No response data"
            r"|generatedSamples|No video)|(?:IndexError"
            r"|list index out of range)[\s\S]{0,2000}litellm[\s\S]{0,200}(?:gemini|vertex|veo)"
            r"|generated_samples\[0\]|No response data in completed operation",
            error_source=ErrorSource.PROVIDER,
            stage=ModerationStage.OUTPUT,
            charged=ChargeStatus.NO,
            charge_source="documented: Veo states that a filtered video is not charged",
            message="LiteLLM reported a Veo job as completed that has no video: it does so if "
            "Veo's filter removed "
            "every result.",
            next_step="Read raiMediaFilteredReasons of Google's operation; then try another "
            "seed or change the prompt.",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="litellm.guardrail",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_GUARD,
            text=r"violated \w+ moderation policy|violated content safety policy"
            r"|violated (?:the )?(?:\w+ ){0,3}guardrail|guardrail.{0,60}(?:blocked|violat|raised"
            r"|intervened)|content blocked: |blocked by guardrail",
            error_source=ErrorSource.RELAY,
            stage=ModerationStage.INPUT,
            charged=ChargeStatus.NO,
            charge_source="documented: guardrails run before the call",
        ),
        ErrorRule(
            id="litellm.content-policy",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_MAP,
            text=r"ContentPolicyViolationError",
            anywhere=True,
            error_source=ErrorSource.PROVIDER,
        ),
        ErrorRule(
            id="litellm.budget",
            kind=ErrorKind.QUOTA,
            documented=_PROXY,
            text=r"BudgetExceededError|budget has been exceeded! current cost|ExceededBudget|budget_exceeded",
            anywhere=True,
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="litellm.proxy-key",
            kind=ErrorKind.AUTH,
            documented=_PROXY,
            text=r"invalid proxy server token|Authentication Error, |key not allowed to access model"
            r"|no api key passed in",
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="litellm.proxy-rate",
            kind=ErrorKind.RATE_LIMIT,
            documented=_PROXY,
            text=r"max parallel request limit reached|crossed (?:tpm|rpm)|(?:tpm|rpm) limit (?:reached"
            r"|exceeded)|rate limit exceeded for (?:api_key|user|team|key)",
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="litellm.cooldown",
            kind=ErrorKind.TRANSIENT,
            documented=_PROXY,
            text=r"no deployments available for selected model",
            anywhere=True,
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="litellm.rate-limit",
            kind=ErrorKind.RATE_LIMIT,
            documented=_MAP,
            text=r"litellm\.(?:exceptions\.)?RateLimitError",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="litellm.auth",
            kind=ErrorKind.AUTH,
            documented=_MAP,
            text=r"litellm\.(?:exceptions\.)?(?:AuthenticationError|PermissionDeniedError)",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="litellm.timeout",
            kind=ErrorKind.TIMEOUT,
            documented=_MAP,
            text=r"litellm\.(?:exceptions\.)?Timeout",
            error_source=ErrorSource.NETWORK,
        ),
        ErrorRule(
            id="litellm.connection",
            kind=ErrorKind.TRANSIENT,
            documented=_MAP,
            text=r"litellm\.(?:exceptions\.)?APIConnectionError",
            error_source=ErrorSource.NETWORK,
        ),
        ErrorRule(
            id="litellm.unavailable",
            kind=ErrorKind.TRANSIENT,
            documented=_MAP,
            text=r"litellm\.(?:exceptions\.)?(?:ServiceUnavailableError|InternalServerError|APIError"
            r"|BadGatewayError|MidStreamFallbackError)",
        ),
        ErrorRule(
            id="litellm.bad-request",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_MAP,
            text=r"litellm\.(?:exceptions\.)?(?:BadRequestError|NotFoundError|UnprocessableEntityError"
            r"|UnsupportedParamsError|ContextWindowExceededError)",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)
