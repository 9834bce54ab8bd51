"""Properties of `decode` for any input."""

from __future__ import annotations

import json
import random
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.policy.findings import SHIPPED, Group
from safelight.providers.protocol import ChargeStatus
from safelight.providers.provider_errors import (
    Confidence,
    ErrorKind,
    ErrorSource,
    ModerationStage,
    ProviderError,
    ProviderRetry,
    decode,
    decode_body,
    read,
)
from safelight.providers.provider_errors.parse import read_text
from safelight.providers.provider_errors.registry import everybody, named, providers, relays
from safelight.providers.provider_errors.rules import compiled

CATEGORIES = {spec.name for spec in SHIPPED} | {group.value for group in Group} | {"unknown"}
ROWS = [row for provider in everybody() for row in provider.rules]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
#: Parts of real error bodies, so that random combinations match rules of the table.
PIECES = st.sampled_from(
    [
        '{"error": {"code": "',
        "moderation_blocked",
        "sentinel_block",
        '", "message": "',
        '"}}',
        "HTTP/1.1 429 Too Many Requests\n",
        "retry-after: 7\n",
        "failureCode: SAFETY.INPUT.TEXT",
        "Support codes: 29310472",
        "{'type': 'content_policy_violation', 'loc': ['body', 'image_url']}",
        "<html><title>502 Bad Gateway</title>",
        "审核不通过",
        "\x00",
        "\ud800",
        "[[{",
        "litellm.Timeout",
    ]
)


def whole(found: ProviderError) -> None:
    """Every field has a defined value; an unknown one is `unknown`."""
    assert found.source in ErrorSource
    assert found.kind in ErrorKind
    assert found.stage in ModerationStage
    assert found.retry in ProviderRetry
    assert found.charged in ChargeStatus
    assert found.category in CATEGORIES
    assert found.summary
    assert found.next_step
    assert (found.kind is ErrorKind.UNKNOWN) == (found.confidence is Confidence.NONE)
    if found.kind is ErrorKind.UNKNOWN:
        assert (found.retry, found.rule) == (ProviderRetry.UNKNOWN, "")
        assert found.charged is ChargeStatus.UNKNOWN or found.charge_source == "upstream"
    else:
        assert found.rule
        assert found.documented
    assert found.message.isprintable()
    assert len(found.message) <= 300
    json.dumps(found.as_json())


@settings(deadline=None)
@given(st.text())
def test_any_text_is_classified_without_error(text: str) -> None:
    whole(decode(text))


@settings(deadline=None)
@given(st.lists(PIECES | st.text(max_size=20), max_size=12).map("".join), st.text(max_size=12))
def test_any_mixture_of_bodies_is_classified_without_error(text: str, provider: str) -> None:
    whole(decode(text, provider=provider))


@settings(deadline=None)
@given(JSON)
def test_any_body_is_classified_without_error(body: object) -> None:
    whole(decode_body(body))
    whole(decode_body({"error": body, "safelight": body}))
    whole(decode_body({"error": {"code": body, "moderation_details": body, "safelight": {"request_id": 1}}}))


@pytest.mark.parametrize("piece", ["{", "[[{", '{"a":', "{'\\", "<a ", "error ", '"prompt": "', "\n", "4"])
def test_only_part_of_a_megabyte_of_garbage_is_read(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert len(read_text(text).whole) <= 40_000
    whole(decode(text))


def test_an_error_deep_in_a_long_log_is_found() -> None:
    chance = random.Random(1)
    noise = "".join(chance.choice("abcdefghij \n") for _ in range(600_000))
    found = decode(
        f'{noise}\nERROR video failed: {{"code": "moderation_blocked", "message": "No."}}\n{noise}'
    )
    assert (found.kind, found.rule) == (ErrorKind.CONTENT_BLOCK, "openai.moderation-blocked")


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("sk-proj-abcdEFGH12345678", "Incorrect API key provided: {}"),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "API key not valid: {}"),
        ("hunter2hunter2", '{{"error": {{"code": "x", "message": "Authorization: Key {} was refused"}}}}'),
        ("r8_abcdefghijklmnop", "failed: blocked by policy violation, token {}"),
        ("0123abcd0123abcd", '{{"message": "request failed with \\"api_key\\": \\"{}\\" in it"}}'),
        ("AKIAABCDEFGHIJKLMNOP", "UnrecognizedClientException: the key {} is not known, access denied"),
    ],
)
def test_keys_are_masked(secret: str, text: str) -> None:
    found = decode(text.format(secret))
    assert secret not in json.dumps(found.as_json())


@settings(deadline=None)
@given(st.text(alphabet="abcdefABCDEF0123456789", min_size=12, max_size=40))
def test_a_bearer_token_is_never_returned(token: str) -> None:
    body = f'{{"error": {{"message": "bearer {token} is wrong", "code": 401}}}}'
    text = f'curl -H "Authorization: Bearer {token}" failed: {body}'
    assert token not in json.dumps(decode(text).as_json())


def test_the_prompt_is_not_mistaken_for_the_providers_message() -> None:
    body = {
        "status": "failed",
        "prompt": "a nude scene blocked by our moderation system, rate limit, Support codes: 29310472",
        "error": {"code": "server_error", "message": "Something went wrong."},
    }
    assert decode(json.dumps(body)).kind is ErrorKind.TRANSIENT
    assert decode_body(body).kind is ErrorKind.TRANSIENT
    assert read(body) is None


def test_a_failure_of_the_filter_itself_is_not_a_block() -> None:
    for sentence in (
        "The moderation service is down.",
        "Failed to reach the moderation service, please try again later",
        "content moderation service timed out",
        "safety checker is temporarily unavailable",
    ):
        found = decode(json.dumps({"error": {"code": "server_error", "message": sentence}}))
        assert (found.kind, found.retry) == (ErrorKind.TRANSIENT, ProviderRetry.SAME), sentence


def test_retry_delays_are_read_from_headers_and_messages() -> None:
    assert decode("HTTP/1.1 429 Too Many Requests\nretry-after: 21\n\nslow down").after_s == 21
    assert decode('{"error": {"message": "Rate limit reached. Please try again in 12s."}}').after_s == 12
    assert decode_body({"error": "busy"}, status=429, headers={"Retry-After-Ms": "1500"}).after_s == 1.5


def test_an_unknown_error_is_reported_as_unknown() -> None:
    for text in ("", "   ", "ok", '{"status": "completed"}', '{"id": 1}', "the quick brown fox", "{}", "[]"):
        found = decode(text)
        assert (found.kind, found.source, found.retry) == (
            ErrorKind.UNKNOWN,
            ErrorSource.UNKNOWN,
            ProviderRetry.UNKNOWN,
        ), text


def test_every_rule_names_its_source_and_compiles() -> None:
    for row in ROWS:
        pages = row.documented.split("; ")
        assert all(
            re.match(r"no page: |https://[\w.-]+(?:/[^\s]*)?(?: \([^()]+\))?$", page) for page in pages
        ), row.id
        assert row.fields or row.text or row.status or row.empty_lists, f"{row.id} has no condition"
        for pattern in (row.text, *row.fields.values()):
            compiled(pattern)
        assert not row.text or not compiled(row.text).search(""), f"{row.id} holds for everything"
        assert row.category in CATEGORIES | {""}, row.id
        assert not row.charged or row.charge_source or row.charged is ChargeStatus.UNKNOWN, row.id
    assert not [name for name, count in Counter(row.id for row in ROWS).items() if count > 1]


def test_every_provider_is_found_by_each_of_its_names() -> None:
    for provider in (*providers(), *relays()):
        for word in (provider.name, *provider.aliases):
            assert named(word) is not None, word
        assert named(provider.name) is provider
        if provider.signs:
            assert not compiled(provider.signs).search("")
    assert named("nobody-knows-it") is None
    assert len(providers()) + len(relays()) >= 18


@pytest.mark.parametrize(
    "text",
    [
        "This content may violate our guardrails concerning similarity to third-party content",
        "This content can't be shown for now.",
        "Kling: risk control",
        "error code 1301",
        "錯誤碼：1301",
        "advanced moderation failed",
        "frame 12 failed moderation",
        "flagged as potentially violating",
        "content_policy_violation",
        "flagged, credits refunded",
        "提示詞可能違反了我們的內容政策",
        "此內容可能違反我們的使用政策",
        "此提示詞可能違反我們的規範",
        "该内容可能违反了我们的政策",
        "無法生成包含公眾人物的影片",
        "无法生成包含名人的视频",
        "We can't generate videos of public figures",
    ],
)
def test_a_refusal_in_words_is_a_block(text: str) -> None:
    assert decode(text).kind is ErrorKind.CONTENT_BLOCK


@pytest.mark.parametrize("text", ["stuck at 99 %", "stuck at 99 percent", "影片卡在 99%", "卡在99％不动"])
def test_a_job_that_hangs_is_not_a_block(text: str) -> None:
    assert decode(text).kind is ErrorKind.TIMEOUT


def test_a_bare_429_is_a_rate_limit() -> None:
    assert decode(" 429\n").kind is ErrorKind.RATE_LIMIT
    assert decode("429 cats").kind is ErrorKind.UNKNOWN


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ("生成失败: Flow API request failed: HTTP Error 500: Internal error encountered.", "veo"),
        ("部分结果视频因违反 VEO 模型使用准则而被屏蔽了。可以使用 Gemini 帮忙优化提示词", "veo"),
        ("Failed to resolve Gemini video URL", "gemini"),
        ("Error code: 404 - {'error': {'message': \"The deployment of Sora does not exist.\"}}", "openai"),
        ("可灵：生成失败", "kling"),
        ("The dishes are in the sink.", ""),
    ],
)
def test_a_product_in_the_words_names_the_provider_of_an_error_without_a_rule_of_its_own(
    text: str, provider: str
) -> None:
    found = decode(text)
    assert found.provider == provider
    assert found.charged is not ChargeStatus.YES


def test_a_web_page_that_names_a_product_is_not_an_answer_of_its_provider() -> None:
    page = "<!doctype html><title>502 Bad Gateway</title><p>Make videos with Dreamina</p>"
    assert decode(page).provider == ""


@pytest.mark.parametrize(
    "text",
    [
        "系统检测到输入或生成内容可能包含不安全或敏感内容，请您避免输入易产生敏感内容的提示语",
        "系統偵測到輸入或生成內容可能包含不安全或敏感內容，請您避免輸入易產生敏感內容的提示語",
        "The input or generated content may contain sensitive content.",
        "The output or input may contain sensitive content.",
        "触发平台的内容安全策略",
        "觸發平台的內容安全政策",
        "内容由于合规问题已被阻止生成",
        "內容由於合規問題已被阻止生成",
        "the content of prompt field is unsafe",
    ],
)
def test_a_refusal_that_does_not_name_one_side_has_no_stage(text: str) -> None:
    found = decode(text)
    assert (found.kind, found.stage) == (ErrorKind.CONTENT_BLOCK, ModerationStage.UNKNOWN)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("You're requesting generations too quickly", ErrorKind.RATE_LIMIT),
        ("You do not have enough credits", ErrorKind.QUOTA),
        ("Your account has an overdue balance.", ErrorKind.QUOTA),
        ("Refused by the Content-Security-Policy：内容安全策略指令", ErrorKind.UNKNOWN),
        ("The content of prompt field is empty", ErrorKind.UNKNOWN),
        ("请检查输入或重新生成", ErrorKind.UNKNOWN),
    ],
)
def test_plain_words_of_limits_are_known_and_similar_words_are_not_a_refusal(
    text: str, kind: ErrorKind
) -> None:
    assert decode(text).kind is kind


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("msg=video_unsafe", ModerationStage.OUTPUT),
        ("msg=prompt_unsafe", ModerationStage.INPUT),
        ("…use the output audio may be related to copyright…", ModerationStage.OUTPUT),
        ("Upload may depict a realistic human. Please try again.", ModerationStage.INPUT),
    ],
)
def test_a_refusal_that_names_what_was_refused_has_its_stage(text: str, stage: ModerationStage) -> None:
    found = decode(text)
    assert (found.kind, found.stage) == (ErrorKind.CONTENT_BLOCK, stage)


def test_texts_that_name_no_refusal_are_known_for_what_they_are() -> None:
    kling = {"code": 0, "data": {"task_status": "failed", "task_status_msg": "Image pixel is invalid"}}
    found = decode_body({**kling, "message": "SUCCEED"})
    assert (found.provider, found.kind, found.modality) == ("kling", ErrorKind.INVALID_REQUEST, "image")
    jimeng = decode("[请求失败]: 生成失败，疑似存在异常行为，请重新尝试 (错误码: 4013)")
    assert (jimeng.kind, jimeng.code, jimeng.retry) == (ErrorKind.AUTH, "4013", ProviderRetry.NEVER)
    waiting = decode_body({"error": {"message": "Video is not ready yet, use GET /v1/videos/{id}"}})
    assert waiting.summary == "The job is still in progress; this response contains no error."


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ("VertexAI video generation failed: the response is empty", "veo"),
        ("midjourney: word 'glass' is banned", "midjourney"),
        ("RunningHub task 12 failed: success", "runninghub"),
        ("火山引擎检测到输入图片可能包含敏感信息", "seedance"),
        ("GET https://dalle-example.test/api failed", ""),
    ],
)
def test_a_product_named_in_a_sentence_names_the_provider(text: str, provider: str) -> None:
    assert decode(text).provider == provider


def test_a_support_code_in_a_response_of_gemini_says_nothing_about_the_charge_of_veo() -> None:
    found = decode("{'finishReason': 'IMAGE_PROHIBITED_CONTENT', 'finishMessage': 'Support code: 42876398.'}")
    assert (found.provider, found.stage, found.charged) == (
        "gemini",
        ModerationStage.OUTPUT,
        ChargeStatus.UNKNOWN,
    )


def test_a_refusal_of_the_prompt_the_input_or_the_output_has_no_stage() -> None:
    found = decode("Rejected by content moderation. The prompt, input, or generated content was flagged.")
    assert (found.kind, found.stage, found.provider) == (
        ErrorKind.CONTENT_BLOCK,
        ModerationStage.UNKNOWN,
        "",
    )


@pytest.mark.parametrize(
    "text",
    [
        "Your API key was suspended for violating our content policy",
        "觸發安全策略：帳號已鎖定 15 分鐘",
        "Your resource has been temporarily blocked because of behavior against our content policy",
    ],
)
def test_a_closed_account_is_not_a_refusal_of_this_request(text: str) -> None:
    assert decode(text).kind is ErrorKind.AUTH


@pytest.mark.parametrize(
    "text",
    [
        "Veo blocked this shot on safety grounds. Use a different source frame.",
        "無法下載圖片，可能是提示詞包含敏感內容或違禁詞彙",
        "Sora rejected the prompt via content moderation.",
        "Seedream 4.0 generation failed: Content flagged for: sexual",
        "提示词或参考素材触发了人物安全过滤",
    ],
)
def test_a_refusal_in_plain_words_without_a_side_has_no_stage(text: str) -> None:
    found = decode(text)
    assert (found.kind, found.stage) == (ErrorKind.CONTENT_BLOCK, ModerationStage.UNKNOWN)


@pytest.mark.parametrize(
    "text",
    [
        '{"error": {"code": "content_policy_violation", "message": "Your request was rejected by the safety '
        'system. Repeated violations may result in your account being suspended."}}',
        "内容敏感，多次违规账号将被封禁",
        "Access to this content is restricted because it violates our usage policy",
    ],
)
def test_a_refusal_that_warns_about_the_account_is_a_refusal(text: str) -> None:
    assert decode(text).kind is ErrorKind.CONTENT_BLOCK


@pytest.mark.parametrize(
    "text",
    [
        "Image moderation failed: could not download the image",
        "moderation failed to complete, please retry",
        "Could not load unsafe content model",
        "unsafe content check passed but the GPU ran out of memory",
        "Content moderation failed due to an internal error",
    ],
)
def test_a_filter_that_failed_is_no_refusal(text: str) -> None:
    assert decode(text).kind is not ErrorKind.CONTENT_BLOCK


@pytest.mark.parametrize(
    "prompt", ["a model walks the runway in a red dress", "the gemini constellation over a lake"]
)
def test_a_word_of_a_quoted_prompt_names_no_provider(prompt: str) -> None:
    found = decode(f'Your prompt "{prompt}" was flagged by moderation')
    assert (found.kind, found.provider) == (ErrorKind.CONTENT_BLOCK, "")


@pytest.mark.parametrize(
    "said",
    [
        "影片被安全過濾器封鎖",
        "输入没有通过安全审核",
        "內容審核判定參考圖含有真人，因此拒絕生成",
        "Green net check failed for output video",
        "The uploaded audio was flagged by safety review.",
        "Your prompt was caught by our moderator.",
    ],
)
def test_further_words_of_a_refusal_are_recognized(said: str) -> None:
    assert decode(said).kind is ErrorKind.CONTENT_BLOCK


@pytest.mark.parametrize(
    "said",
    ["提示词或生成结果被内容审核拦截", "Content was flagged by the safety system. Try different prompts."],
)
def test_a_refusal_of_either_side_has_no_stage(said: str) -> None:
    assert decode(said).stage is ModerationStage.UNKNOWN


def test_a_review_that_was_passed_is_no_refusal() -> None:
    assert decode("内容审核判定通过，正在生成").kind is not ErrorKind.CONTENT_BLOCK


@pytest.mark.parametrize(
    "text",
    [
        "The model is currently overloaded",
        "The server had an error while processing your request",
        "Rate limit reached for requests",
        "You exceeded your current quota, please check your plan and billing details.",
        "Too many running tasks",
        "Request was throttled. Expected available in 10 seconds.",
        "NSFW content detected",
        "审核未通过",
        "video not found",
        "The model `wan-9` does not exist",
        "Your team is over budget",
        "User is locked. Reason: exhausted balance.",
        "Your key does not have access to the model",
        "Your input was flagged",
        "Prediction failed",
    ],
)
def test_an_error_names_nobody_that_its_text_does_not_name(text: str) -> None:
    bare, inside = decode(text), decode(json.dumps({"error": {"message": text}}))
    assert (bare.provider, bare.via) == ("", "")
    assert "OpenAI" not in bare.summary
    assert "openai" not in bare.documented
    assert decode(f"openai.InternalServerError: {text}").provider == "openai"
    fields = ("source", "provider", "kind", "stage", "category", "charged", "retry", "rule")
    assert [getattr(bare, name) for name in fields] == [getattr(inside, name) for name in fields]


@pytest.mark.parametrize(
    "text",
    [
        "You exceeded your current quota: 5 requests per minute",
        "openai.RateLimitError: You exceeded your current quota, limit 3 per min",
        '{"error": {"code": "insufficient_quota", "message": "Quota of 10 RPM exceeded"}}',
        "429 Too Many Requests: quota exceeded: 10 requests per minute",
        "每分鐘配額已用完",
    ],
)
def test_a_quota_of_each_minute_is_waited_for(text: str) -> None:
    found = decode(text)
    assert (found.kind.value, found.retry.value, found.after_s) == ("rate_limit", "same", 60.0)


def test_words_about_a_rate_are_no_quota() -> None:
    assert decode("The frame rate must be 24 or 30 frames per second").kind.value != "rate_limit"
