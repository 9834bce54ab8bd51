"""Those between us and a provider: new-api and its relatives, OpenRouter, LiteLLM.

What they pass on is read by the provider's rows; here stand their own refusals.
"""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Again, Confidence, Kind, Owner, Side
from .rules import Provider, Row

_NEW_API = "github.com/QuantumNous/new-api: error codes; issues 5182, 6794, 6838"
_ROUTER = "openrouter.ai/docs/api/reference/errors-and-debugging"
_FREE = "not taken"

NEW_API = Provider(
    name="relay",
    title="The relay",
    resells=True,
    aliases=frozenset(
        {
            "new-api",
            "newapi",
            "new_api",
            "one-api",
            "oneapi",
            "apiyi",
            "laozhang",
            "laozhang.ai",
            "cometapi",
            "sub2api",
            "kie",
        }
    ),
    signs=r"fail_to_fetch_task|upstream returned error|new_api_error|one_api_error|rix_api_error"
    r"|shell_api_error|chat2api|apiyi|laozhang"
    r"|upstream_error|\(distributor\)"
    r"|insufficient_user_quota|bad_response_status_code|\(request id: \d{8,}|fail_reason"
    r"|do_request_failed|sora2api|cometapi|kie\.ai",
    relay=True,
    rows=(
        Row(
            id="relay.word-list",
            kind=Kind.CONTENT_BLOCK,
            documented=_NEW_API,
            fields={"code|type": r"sensitive_words_detected"},
            anywhere=True,
            owner=Owner.RELAY,
            stage=Side.INPUT,
            modality="text",
            charged=Charged.NO,
            charge_source="documented: its own word list is asked before anything is reserved or ordered",
        ),
        Row(
            id="relay.task-timeout",
            kind=Kind.TIMEOUT,
            documented=f"{_NEW_API}; docs.laozhang.ai: tasks",
            fields={"code|type": r"task_timeout"},
            owner=Owner.RELAY,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="relay.user-quota",
            kind=Kind.QUOTA,
            documented=_NEW_API,
            fields={
                "code|type": r"insufficient_user_quota|pre_consume_token_quota_failed"
                r""
            },
            anywhere=True,
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source=_FREE,
        ),
        Row(
            id="relay.quota-words",
            kind=Kind.QUOTA,
            documented=_NEW_API,
            says=r"(?:用户|用戶|令牌|账户|帳戶|token|user).{0,6}(?:额度|額度|余额|餘額|quota|balance).{0,12}(?:不足|用尽|用盡"
            r"|耗尽|耗盡|insufficient"
            r"|not enough|exhausted|is used up)|insufficient (?:user )?(?:quota|balance|credits)",
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source=_FREE,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="relay.no-channel",
            kind=Kind.TRANSIENT,
            documented=_NEW_API,
            says=r"no available channel|无可用渠道|無可用渠道|channel:no_available_key"
            r"|no available (?:tokens?"
            r"|accounts?)",
            anywhere=True,
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source=_FREE,
            retry=Again.SAME,
            sentence="The relay has nobody just now to hand this model's orders to. Nobody judged the "
            "content.",
            next_step="Try again later, or name a model the relay has a channel for.",
        ),
        Row(
            id="relay.saturated",
            kind=Kind.RATE_LIMIT,
            documented=_NEW_API,
            says=r"上游负载已饱和|上游負載已飽和"
            r"|当前分组.{0,20}(?:饱和|繁忙)|upstream (?:load )?(?:is )?saturated",
            anywhere=True,
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source=_FREE,
        ),
        Row(
            id="relay.token",
            kind=Kind.AUTH,
            documented=_NEW_API,
            says=r"无效的令牌|無效的令牌|invalid token"
            r"|该令牌(?:状态不可用|已过期)|token (?:expired|is not enabled)|无权(?:访问|使用)",
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source=_FREE,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="relay.upstream",
            kind=Kind.TRANSIENT,
            documented=_NEW_API,
            fields={
                "code|type": r"upstream_error|bad_response_status_code|do_request_failed|bad_response"
                r"|fail_to_fetch_task|get_channel_failed"
            },
            owner=Owner.RELAY,
            confidence=Confidence.LIKELY,
        ),
    ),
)

OPENROUTER = Provider(
    name="openrouter",
    title="OpenRouter",
    resells=True,
    aliases=frozenset({"open-router", "openrouter.ai"}),
    signs=r"openrouter|flagged_input|[\"']provider_name[\"']",
    relay=True,
    rows=(
        Row(
            id="openrouter.flagged-input",
            kind=Kind.CONTENT_BLOCK,
            documented=_ROUTER,
            fields={"flagged_input": r"[\s\S]*"},
            anywhere=True,
            owner=Owner.RELAY,
            stage=Side.INPUT,
            modality="text",
            charged=Charged.NO,
            charge_source="documented: refused before generation",
        ),
        Row(
            id="openrouter.requires-moderation",
            kind=Kind.CONTENT_BLOCK,
            documented=_ROUTER,
            says=r"requires moderation .{0,80}flagged|input was flagged",
            anywhere=True,
            owner=Owner.RELAY,
            stage=Side.INPUT,
            modality="text",
            charged=Charged.NO,
            charge_source="documented: refused before generation",
        ),
        Row(
            id="openrouter.guardrail",
            kind=Kind.CONTENT_BLOCK,
            documented=_ROUTER,
            says=r"request blocked: prompt injection|blocked by (?:a |your )?guardrail",
            owner=Owner.RELAY,
            stage=Side.INPUT,
            charged=Charged.NO,
            charge_source="documented: refused before generation",
        ),
        Row(
            id="openrouter.credits",
            kind=Kind.QUOTA,
            documented=_ROUTER,
            fields={"code": r"402"},
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source=_FREE,
        ),
        Row(
            id="openrouter.key",
            kind=Kind.AUTH,
            documented=_ROUTER,
            fields={"code": r"401"},
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source=_FREE,
        ),
        Row(
            id="openrouter.rate-limit",
            kind=Kind.RATE_LIMIT,
            documented=_ROUTER,
            fields={"code": r"429"},
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source=_FREE,
        ),
        Row(
            id="openrouter.timeout",
            kind=Kind.TIMEOUT,
            documented=_ROUTER,
            fields={"code": r"408|504"},
            owner=Owner.RELAY,
        ),
        Row(
            id="openrouter.down",
            kind=Kind.TRANSIENT,
            documented=_ROUTER,
            fields={"code": r"50[0-9]"},
            owner=Owner.RELAY,
        ),
    ),
)
