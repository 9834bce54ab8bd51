"""Aggregators between us and a provider: new-api and its relatives, OpenRouter, LiteLLM.

Errors that an aggregator passes on match the provider's rules. This module has the rules for refusals by the
aggregators themselves.
"""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ErrorSource, ModerationStage, ProviderRetry
from .rules import ErrorRule, Provider

_ISSUES = "https://github.com/QuantumNous/new-api/issues"
_ROUTER = "https://openrouter.ai/docs/api/reference/errors-and-debugging"
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
        ErrorRule(
            id="relay.word-list",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=f"{_ISSUES}/4499",
            fields={"code|type": r"sensitive_words_detected"},
            anywhere=True,
            error_source=ErrorSource.RELAY,
            stage=ModerationStage.INPUT,
            modality="text",
            charged=ChargeStatus.NO,
            charge_source="documented: its own word list is checked before any quota is reserved",
        ),
        ErrorRule(
            id="relay.task-timeout",
            kind=ErrorKind.TIMEOUT,
            documented="https://docs.laozhang.ai/en/api-capabilities/veo/troubleshooting",
            fields={"code|type": r"task_timeout"},
            error_source=ErrorSource.RELAY,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="relay.user-quota",
            kind=ErrorKind.QUOTA,
            documented="https://github.com/songquanpeng/one-api/issues/1270",
            fields={
                "code|type": r"insufficient_user_quota|pre_consume_token_quota_failed"
                r""
            },
            anywhere=True,
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source=_FREE,
        ),
        ErrorRule(
            id="relay.quota-words",
            kind=ErrorKind.QUOTA,
            documented=f"{_ISSUES}/7448",
            text=r"(?:用户|用戶|令牌|账户|帳戶|token|user).{0,6}(?:额度|額度|余额|餘額|quota|balance).{0,12}(?:不足|用尽|用盡"
            r"|耗尽|耗盡|insufficient"
            r"|not enough|exhausted|is used up)|insufficient (?:user )?(?:quota|balance|credits)",
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source=_FREE,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="relay.no-channel",
            kind=ErrorKind.TRANSIENT,
            documented=f"{_ISSUES}/5966",
            text=r"no available channel|无可用渠道|無可用渠道|channel:no_available_key"
            r"|no available (?:tokens?"
            r"|accounts?)",
            anywhere=True,
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source=_FREE,
            retry=ProviderRetry.SAME,
            message="The aggregator has no channel for this model now. This is not a judgement of the "
            "content.",
            next_step="Try again later, or choose a model for which the aggregator has a channel.",
        ),
        ErrorRule(
            id="relay.saturated",
            kind=ErrorKind.RATE_LIMIT,
            documented=f"{_ISSUES}/991",
            text=r"上游负载已饱和|上游負載已飽和"
            r"|当前分组.{0,20}(?:饱和|繁忙)|upstream (?:load )?(?:is )?saturated",
            anywhere=True,
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source=_FREE,
        ),
        ErrorRule(
            id="relay.token",
            kind=ErrorKind.AUTH,
            documented=f"{_ISSUES}/4712; {_ISSUES}/3302",
            text=r"无效的令牌|無效的令牌|invalid token"
            r"|该令牌(?:状态不可用|已过期)|token (?:expired|is not enabled)|无权(?:访问|使用)",
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source=_FREE,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="relay.upstream",
            kind=ErrorKind.TRANSIENT,
            documented=f"https://github.com/WEIFENG2333/VideoCaptioner/issues/1120; {_ISSUES}/5182",
            fields={
                "code|type": r"upstream_error|bad_response_status_code|do_request_failed|bad_response"
                r"|fail_to_fetch_task|get_channel_failed"
            },
            error_source=ErrorSource.RELAY,
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
        ErrorRule(
            id="openrouter.flagged-input",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_ROUTER,
            fields={"flagged_input": r"[\s\S]*"},
            anywhere=True,
            error_source=ErrorSource.RELAY,
            stage=ModerationStage.INPUT,
            modality="text",
            charged=ChargeStatus.NO,
            charge_source="documented: refused before generation",
        ),
        ErrorRule(
            id="openrouter.requires-moderation",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_ROUTER,
            text=r"requires moderation .{0,80}flagged",
            anywhere=True,
            error_source=ErrorSource.RELAY,
            stage=ModerationStage.INPUT,
            modality="text",
            charged=ChargeStatus.NO,
            charge_source="documented: refused before generation",
        ),
        ErrorRule(
            id="openrouter.guardrail",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_ROUTER,
            text=r"request blocked: prompt injection|blocked by (?:a |your )?guardrail",
            error_source=ErrorSource.RELAY,
            stage=ModerationStage.INPUT,
            charged=ChargeStatus.NO,
            charge_source="documented: refused before generation",
        ),
        ErrorRule(
            id="openrouter.credits",
            kind=ErrorKind.QUOTA,
            documented=_ROUTER,
            fields={"code": r"402"},
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source=_FREE,
        ),
        ErrorRule(
            id="openrouter.key",
            kind=ErrorKind.AUTH,
            documented=_ROUTER,
            fields={"code": r"401"},
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source=_FREE,
        ),
        ErrorRule(
            id="openrouter.rate-limit",
            kind=ErrorKind.RATE_LIMIT,
            documented=_ROUTER,
            fields={"code": r"429"},
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source=_FREE,
        ),
        ErrorRule(
            id="openrouter.timeout",
            kind=ErrorKind.TIMEOUT,
            documented=_ROUTER,
            fields={"code": r"408|504"},
            error_source=ErrorSource.RELAY,
        ),
        ErrorRule(
            id="openrouter.down",
            kind=ErrorKind.TRANSIENT,
            documented=_ROUTER,
            fields={"code": r"50[0-9]"},
            error_source=ErrorSource.RELAY,
        ),
    ),
)
