"""OpenAI's errors, and the format that other servers of `/v1/videos` took over.

    {"error": {"code": "moderation_blocked", "message": ..., "moderation_details":
        {"moderation_stage": "input" | "output" | "unknown", "categories": [...]}}}

A failed job has the same object without the outer `error`.
"""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ErrorSource, ModerationStage, ProviderRetry
from .rules import ErrorRule, Provider

#: Online until 24 September 2026.
_GUIDE = "https://developers.openai.com/api/docs/guides/video-generation"
_SDK = "https://github.com/openai/openai-python#handling-errors"
_TRACES = "https://github.com/TheSmallHanCat/sora2api/issues/59; https://github.com/leetanshaj/openai-sentinel/issues/4"
_FORUM = "https://community.openai.com/t/sora-2-pro-moderation-block/1372868"
_ERRORS = "https://developers.openai.com/api/docs/guides/error-codes"
_IMAGES = (
    "https://docs.rs/crate/openai-client-base/0.16.0/source/src/models/"
    "beta_image_gen_tool_call_moderation_details.rs"
)
_GUIDES = "https://help.apiyi.com/en/sora-2-api-error-messages-complete-guide-en.html"
_APP = "https://sora2.center/posts/sora-2-content-violation"
_CHATGPT = "https://github.com/chatgpt-prompts/ChatGPT-Midjourney-Prompt-Generator/issues/5"
_MAYBE_CHARGED = "not documented; the refusal may have come after generation"

_CODE = "code|error_code|error|type|status|reason|finish_reason|failure_reason|status_code"
_NOT_TAKEN = "not taken"

_BLOCKED = (
    "OpenAI, or another service that uses its error codes, refused the request and does not say when; "
    "probably during or after generation, so it may have been charged. (OpenAI's own video service ended "
    "on 24 September 2026.)"
)
_SENTINEL = (
    "OpenAI, or another service that uses its error codes, refused the request before anything was "
    "generated and does not give the reason. When OpenAI still made videos (until 24 September 2026), its "
    "users reported that about half of these refusals were anti-abuse blocks."
)
_AGAIN = (
    "Submit the same request once more. If it is refused again, change the prompt or the reference image."
)
_USAGE = (
    "Look at the usage page of your account for the charge, then change the prompt, or the reference image "
    "if you used one."
)

OPENAI = Provider(
    name="openai",
    title="OpenAI",
    aliases=frozenset({"sora", "sora-2", "sora2", "sora-2-pro", "openai-videos", "gpt-image"}),
    signs=r"OpenAIException|api\.openai\.com|help\.openai\.com|platform\.openai\.com|\bsora-2"
    r"|openai\.(?:BadRequest"
    r"|RateLimit|APIStatus|"
    r"InternalServer|Authentication|PermissionDenied|NotFound|APIError)",
    rows=(
        ErrorRule(
            id="openai.sentinel-block.inputs",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_GUIDES,
            text=r"blocked by (?:our|the) moderation system when checking (?:the )?inputs?",
            anywhere=True,
            stage=ModerationStage.INPUT,
            charged=ChargeStatus.NO,
            charge_source="reported: refused before generation",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="openai.moderation-blocked.outputs",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_GUIDES,
            text=r"blocked by (?:our|the) moderation system when checking (?:the )?outputs?",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="openai.details.input",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_IMAGES,
            fields={"moderation_stage": "input", "code": "moderation_blocked|sentinel_block"},
            anywhere=True,
            stage=ModerationStage.INPUT,
        ),
        ErrorRule(
            id="openai.details.output",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_IMAGES,
            fields={"moderation_stage": "output", "code": "moderation_blocked|sentinel_block"},
            anywhere=True,
            stage=ModerationStage.OUTPUT,
        ),
        ErrorRule(
            id="openai.sentinel-block",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=f"{_TRACES}; {_GUIDES}",
            fields={_CODE: r"sentinel_block"},
            anywhere=True,
            stage=ModerationStage.INPUT,
            charged=ChargeStatus.NO,
            charge_source="reported: refused before generation",
            retry=ProviderRetry.SAME,
            after_s=60,
            message=_SENTINEL,
            next_step=_AGAIN,
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="openai.sentinel-sentence",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=f"{_TRACES}; {_GUIDES}",
            text=r"hmmm,? something didn.?t look right with your request|\bsentinel_block\b",
            code="sentinel_block",
            anywhere=True,
            stage=ModerationStage.INPUT,
            charged=ChargeStatus.NO,
            charge_source="reported: refused before generation",
            retry=ProviderRetry.SAME,
            after_s=60,
            message=_SENTINEL,
            next_step=_AGAIN,
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="openai.moderation-blocked",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=f"{_GUIDE}; {_FORUM}",
            fields={_CODE: r"moderation_blocked"},
            anywhere=True,
            charge_source=_MAYBE_CHARGED,
            message=_BLOCKED,
            next_step=_USAGE,
        ),
        ErrorRule(
            id="openai.moderation-blocked.word",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=f"{_GUIDE}; {_FORUM}",
            text=r"\bmoderation_blocked\b",
            anywhere=True,
            code="moderation_blocked",
            charge_source=_MAYBE_CHARGED,
            message=_BLOCKED,
            next_step=_USAGE,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="openai.app.guardrails",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_APP,
            text=r"may violate (?:our|openai.?s) (?:guardrails|content policies)"
            r"|content may violate our (?:content|usage) polic"
            r"|similarity to third[- ]party content|third[- ]party content similarity"
            r"|サードパーティのコンテンツ違反",
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="openai.app.cannot-be-shown",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_APP,
            text=r"(?:content|video|image|draft)\b.{0,30}can.?t be shown (?:for|right) now",
            anywhere=True,
            stage=ModerationStage.UNKNOWN,
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="openai.app.chinese",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=f"{_APP}; {_CHATGPT}",
            text=r"(?:可能(?:会)?违反|可能(?:會)?違反)(?:了)?(?:我们的|我們的)(?:内容|內容|使用)政策"
            r"|(?:可能(?:会)?违反|可能(?:會)?違反)(?:了)?(?:我们|我們)?(?:关于|關於)"
            r"|违反(?:了)?OpenAI|違反(?:了)?OpenAI|不支持上传包含写实人物|不支援上傳包含寫實人物",
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="openai.moderation-sentence",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=f"{_GUIDE}; {_FORUM}",
            text=r"blocked by (?:our|the) (?:content )?moderation system|rejected (?:by"
            r"|as a result of) (?:our|the) safety system"
            r"|request was rejected (?:as a result of|by) our safety|not allowed by our safety system",
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="openai.human-upload",
            kind=ErrorKind.CONTENT_BLOCK,
            documented="https://github.com/TheSmallHanCat/sora2api/issues/25",
            text=r"uploads? (?:may|might) (?:depict|show) (?:an? )?(?:photo)?realistic "
            r"(?:humans?|persons?|people)",
            anywhere=True,
            stage=ModerationStage.INPUT,
            category="likeness",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="openai.human-faces",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_GUIDE,
            text=r"(?:input|reference|inpaint|uploaded) images? (?:with|contain\w*|has|have"
            r"|includ\w*) (?:a )?(?:photorealistic )?"
            r"(?:human |real )?(?:faces?|people|persons?)|images? contain(?:s|ing) photorealistic",
            anywhere=True,
            stage=ModerationStage.INPUT,
            category="likeness",
            modality="image",
            charged=ChargeStatus.NO,
            charge_source="documented: refused before generation",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="openai.insufficient-quota",
            kind=ErrorKind.QUOTA,
            documented=_ERRORS,
            fields={"code|type": r"insufficient_quota|billing_hard_limit_reached|billing_not_active"},
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_NOT_TAKEN,
        ),
        ErrorRule(
            id="openai.quota-sentence",
            kind=ErrorKind.QUOTA,
            documented=_ERRORS,
            text=r"exceeded your current quota|billing hard limit has been reached",
            charged=ChargeStatus.NO,
            charge_source=_NOT_TAKEN,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="openai.rate-limit",
            kind=ErrorKind.RATE_LIMIT,
            documented=_ERRORS,
            fields={"code|type": r"rate_limit_exceeded|rate_limit|rate_limit_error|requests|tokens"},
            charged=ChargeStatus.NO,
            charge_source=_NOT_TAKEN,
        ),
        ErrorRule(
            id="openai.rate-limit-sentence",
            kind=ErrorKind.RATE_LIMIT,
            documented=_ERRORS,
            text=r"rate limit reached for|too many concurrent (?:video )?(?:tasks|generations|jobs)",
            charged=ChargeStatus.NO,
            charge_source=_NOT_TAKEN,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="openai.invalid-key",
            kind=ErrorKind.AUTH,
            documented=_ERRORS,
            fields={
                "code|type": r"invalid_api_key|account_deactivated|invalid_organization|authentication_error"
            },
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_NOT_TAKEN,
        ),
        ErrorRule(
            id="openai.unverified",
            kind=ErrorKind.AUTH,
            documented=_ERRORS,
            text=r"organization must be verified|\bproject .{1,80} does not have access to model",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_NOT_TAKEN,
        ),
        ErrorRule(
            id="openai.unsupported-region",
            kind=ErrorKind.AUTH,
            documented=_ERRORS,
            fields={"code": r"unsupported_country_region_territory"},
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_NOT_TAKEN,
        ),
        ErrorRule(
            id="openai.shut-down",
            kind=ErrorKind.INVALID_REQUEST,
            documented="https://developers.openai.com/api/docs/deprecations (24 September 2026)",
            fields={"code": r"model_not_found|model_deprecated|deprecated_model|endpoint_not_found"},
            text=r"sora|/v1/videos|videos api",
            charged=ChargeStatus.NO,
            charge_source=_NOT_TAKEN,
            message="OpenAI shut down Sora 2 and its Videos API on 24 September 2026. The request was "
            "not accepted.",
            next_step="Configure the client for another server of /v1/videos, and name one of its models.",
        ),
        ErrorRule(
            id="openai.deprecated",
            kind=ErrorKind.INVALID_REQUEST,
            documented="https://developers.openai.com/api/docs/deprecations (24 September 2026)",
            text=r"(?:sora|videos) (?:2 )?(?:models? and the videos )?api (?:was|were|is|has been"
            r"|have been) (?:scheduled to "
            r"permanently )?(?:shut ?down|deprecated|retired|discontinued)"
            r"|no longer available.{0,40}videos api",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_NOT_TAKEN,
            message="OpenAI shut down Sora 2 and its Videos API on 24 September 2026. The request was "
            "not accepted.",
            next_step="Configure the client for another server of /v1/videos, and name one of its models.",
        ),
        ErrorRule(
            id="openai.server-error",
            kind=ErrorKind.TRANSIENT,
            documented=_ERRORS,
            fields={
                "code|type": r"server_error|engine_overloaded|overloaded_error|service_unavailable"
                r"|internal_server_error"
            },
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="openai.heavy-load",
            kind=ErrorKind.TRANSIENT,
            documented=_ERRORS,
            text=r"(?:currently|under) (?:experiencing )?heavy load|the (?:server|engine"
            r"|model) (?:had an error|is (?:currently )?overloaded)",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="openai.invalid-request",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_ERRORS,
            fields={
                "code": r"invalid_value|unknown_parameter|missing_required_parameter|invalid_type"
                r"|model_not_found|unsupported_value"
                r"|invalid_image\w*|string_above_max_length|integer_\w+|invalid_size|invalid_parameter"
            },
            charged=ChargeStatus.NO,
            charge_source=_NOT_TAKEN,
        ),
        ErrorRule(
            id="openai.unknown-argument",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_SDK,
            text=r"TypeError: .{0,80}(?:got an unexpected keyword argument|missing \d+ required)"
            r"|RuntimeError: Expected entry at",
            anywhere=True,
            error_source=ErrorSource.CLIENT,
            charged=ChargeStatus.NO,
            charge_source="not sent",
            message="The caller's own program failed before anything was sent: the library does not "
            "know an argument.",
            next_step="Use the fields of the Videos API: `seconds` and `size`; media that is not a "
            "file goes into `extra_body`.",
        ),
    ),
)
