"""LiteLLM: exceptions with the provider's text inside, own guardrails, and filtered Veo jobs called done."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Confidence, Kind, Owner, Side
from .rules import Provider, Row

_MAP = "docs.litellm.ai/docs/exception_mapping"
_CODE = "litellm 1.109.1: llms/gemini/videos/transformation.py and llms/vertex_ai/videos"
_GUARD = "docs.litellm.ai/docs/proxy/guardrails"
_PROXY = "docs.litellm.ai/docs/proxy: virtual keys, budgets, rate limits"

LITELLM = Provider(
    name="litellm",
    title="LiteLLM",
    aliases=frozenset({"lite-llm", "litellm-proxy"}),
    signs=r"litellm|video_bGl0ZWxsbT|Received Model Group|invalid proxy server token",
    relay=True,
    rows=(
        Row(
            id="litellm.filtered-veo",
            kind=Kind.CONTENT_BLOCK,
            documented=_CODE,
            says=r"litellm/llms/(?:gemini|vertex_ai)/videos[\s\S]{0,2000}(?:IndexError"
            r"|list index out of range|NoneType|No response data"
            r"|generatedSamples|No video)|(?:IndexError"
            r"|list index out of range)[\s\S]{0,2000}litellm[\s\S]{0,200}(?:gemini|vertex|veo)"
            r"|generated_samples\[0\]|No response data in completed operation",
            owner=Owner.PROVIDER,
            stage=Side.OUTPUT,
            charged=Charged.NO,
            charge_source="documented: Veo says that a filtered video is not charged",
            sentence="LiteLLM called a Veo job completed that has no video: its code does so where "
            "Veo's filter removed "
            "every result.",
            next_step="Ask Google's operation itself for raiMediaFilteredReasons; then try another "
            "seed or change the prompt.",
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="litellm.guardrail",
            kind=Kind.CONTENT_BLOCK,
            documented=_GUARD,
            says=r"violated \w+ moderation policy|violated content safety policy"
            r"|violated (?:the )?(?:\w+ ){0,3}guardrail|guardrail.{0,60}(?:blocked|violat|raised"
            r"|intervened)|content blocked: |blocked by guardrail",
            owner=Owner.RELAY,
            stage=Side.INPUT,
            charged=Charged.NO,
            charge_source="documented: guardrails run before the call",
        ),
        Row(
            id="litellm.content-policy",
            kind=Kind.CONTENT_BLOCK,
            documented=_MAP,
            says=r"ContentPolicyViolationError",
            anywhere=True,
            owner=Owner.PROVIDER,
        ),
        Row(
            id="litellm.budget",
            kind=Kind.QUOTA,
            documented=_PROXY,
            says=r"BudgetExceededError|budget has been exceeded|ExceededBudget|budget_exceeded|over budget",
            anywhere=True,
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="litellm.proxy-key",
            kind=Kind.AUTH,
            documented=_PROXY,
            says=r"invalid proxy server token|Authentication Error, |key not allowed to access model"
            r"|no api key passed in",
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="litellm.proxy-rate",
            kind=Kind.RATE_LIMIT,
            documented=_PROXY,
            says=r"max parallel request limit reached|crossed (?:tpm|rpm)|(?:tpm|rpm) limit (?:reached"
            r"|exceeded)|rate limit exceeded for (?:api_key|user|team|key)",
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="litellm.cooldown",
            kind=Kind.TRANSIENT,
            documented=_PROXY,
            says=r"no deployments available for selected model",
            anywhere=True,
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="litellm.rate-limit",
            kind=Kind.RATE_LIMIT,
            documented=_MAP,
            says=r"litellm\.(?:exceptions\.)?RateLimitError",
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="litellm.auth",
            kind=Kind.AUTH,
            documented=_MAP,
            says=r"litellm\.(?:exceptions\.)?(?:AuthenticationError|PermissionDeniedError)",
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="litellm.timeout",
            kind=Kind.TIMEOUT,
            documented=_MAP,
            says=r"litellm\.(?:exceptions\.)?Timeout",
            owner=Owner.NETWORK,
        ),
        Row(
            id="litellm.connection",
            kind=Kind.TRANSIENT,
            documented=_MAP,
            says=r"litellm\.(?:exceptions\.)?APIConnectionError",
            owner=Owner.NETWORK,
        ),
        Row(
            id="litellm.unavailable",
            kind=Kind.TRANSIENT,
            documented=_MAP,
            says=r"litellm\.(?:exceptions\.)?(?:ServiceUnavailableError|InternalServerError|APIError"
            r"|BadGatewayError|MidStreamFallbackError)",
        ),
        Row(
            id="litellm.bad-request",
            kind=Kind.INVALID_REQUEST,
            documented=_MAP,
            says=r"litellm\.(?:exceptions\.)?(?:BadRequestError|NotFoundError|UnprocessableEntityError"
            r"|UnsupportedParamsError|ContextWindowExceededError)",
            charged=Charged.NO,
            charge_source="not taken",
        ),
    ),
)
