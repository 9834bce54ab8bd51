"""Google's Veo: support codes, and filtered jobs that look like a success.

A fully filtered job ends with `done: true`, no error and no video:
Gemini returns
`response.generateVideoResponse.{generatedSamples,raiMediaFilteredCount,raiMediaFilteredReasons}`,
Vertex `response.{videos,raiMediaFilteredCount,raiMediaFilteredReasons}`.
"""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ModerationStage, ProviderRetry
from .rules import ErrorRule, Provider

_CODES_PAGE = (
    "https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/video/"
    "responsible-ai-and-usage-guidelines"
)
_SDK = "https://github.com/googleapis/python-genai (rai_media_filtered_count)"
_FLOW = (
    "https://github.com/TheSmallHanCat/flow2api/issues/167; https://github.com/ffroliva/gflow-cli/issues/342"
)
_ERRORS = "https://ai.google.dev/gemini-api/docs/generate-content/api-errors"
_RPC = "https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto"
_PERSON = (
    "https://discuss.ai.google.dev/t/"
    "veo-3-1-image-to-video-rejects-documented-persongeneration-allow-adult/181139"
)
_NOT_CHARGED = "documented: the reason text states that a filtered video is not charged"

#: Support codes, Google's name of the category, and our category.
_SUPPORT: tuple[tuple[str, str, str], ...] = (
    ("58061214|17301594", "child", "minors"),
    ("29310472|15236754", "celebrity", "likeness"),
    ("62263041", "dangerous", "illicit"),
    ("57734940|22137204", "hate", "hate"),
    ("89371032|49114662|63429089|72817394|60599140", "prohibited", "minors"),
    ("35561574|35561575", "third-party", "ip"),
    ("90789179|43188360", "sexual", "sexual"),
    ("78610348", "toxic", "harassment"),
    ("61493863|56562880", "violence", "violence"),
    ("32635315", "vulgar", "harassment"),
    ("64151117|42237218", "general", "unknown"),
    ("74803281|29578790|42876398", "other", "unknown"),
)

#: Parts of Google Flow's error codes, and our category.
_FLOW_CODES: tuple[tuple[str, str], ...] = (
    ("SEXUAL", "sexual"),
    ("CHILD|MINOR", "minors"),
    ("PROMINENT_PEOPLE|PERSON_GENERATION|CELEBRIT", "likeness"),
    ("DANGER", "illicit"),
    ("VIOLEN", "violence"),
    ("HATE", "hate"),
    ("THIRD_PARTY|IP_INPUT|COPYRIGHT", "ip"),
    ("AUDIO_FILTERED", "unknown"),
    ("UNSAFE|SAFETY|FILTER|PROHIBITED|POLICY", "unknown"),
)


def _support(digits: str, word: str, category: str) -> tuple[ErrorRule, ...]:
    """Three rules for one support code: it refuses an input image, is reported with the prompt, or is only
    mentioned.
    """
    code = rf"(?:{digits})"
    return (
        ErrorRule(
            id=f"veo.support-code.{word}.input-image",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CODES_PAGE,
            text=rf"(?:input|reference) (?:image|video)[\s\S]{{0,300}}{code}",
            anywhere=True,
            stage=ModerationStage.INPUT,
            category=category,
            modality="image",
            charged=ChargeStatus.NO,
            charge_source=_NOT_CHARGED,
        ),
        ErrorRule(
            id=f"veo.support-code.{word}",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CODES_PAGE,
            text=rf"could(?: not|n.t) generate \d* ?(?:videos?|images?)[\s\S]{{0,400}}{code}"
            rf"|filtered[\s\S]{{0,400}}{code}",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            category=category,
            charged=ChargeStatus.NO,
            charge_source=_NOT_CHARGED,
            retry=ProviderRetry.NEVER if word == "prohibited" else None,
        ),
        ErrorRule(
            id=f"veo.support-code.{word}.bare",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CODES_PAGE,
            text=rf"support codes?:?[\s\S]{{0,80}}{code}|\b{code}\b",
            anywhere=True,
            category=category,
            charged=ChargeStatus.NO,
            charge_source=_NOT_CHARGED,
            retry=ProviderRetry.NEVER if word == "prohibited" else None,
            confidence=Confidence.LIKELY,
        ),
    )


VEO = Provider(
    name="veo",
    title="Google Veo",
    aliases=frozenset(
        {
            "google",
            "vertex",
            "vertex_ai",
            "vertexai",
            "vertex-ai",
            "veo3",
            "veo-3",
            "veo-3.1",
            "veo3.1",
            "google-genai",
            "google-veo",
            "google-flow",
            "flow",
        }
    ),
    signs=r"VertexAIException|GeminiException|generativelanguage\.googleapis|aiplatform\.googleapis"
    r"|\bveo[-_ ]?[23]|\bVeo could not|\bPUBLIC_ERROR_|vertex ai.?s usage guidelines|labs\.google"
    r"|child detection filter"
    r"|raiMedia|rai_media|generateVideoResponse"
    r"|google\.genai|support codes?:|@type.{0,20}type\.googleapis|\"status\": ?\"(?:RESOURCE_EXHAUSTED"
    r"|INVALID_ARGUMENT|PERMISSION_DENIED"
    r"|UNAVAILABLE|DEADLINE_EXCEEDED|UNAUTHENTICATED|FAILED_PRECONDITION|INTERNAL|NOT_FOUND)\"|"
    r"\b(?:4\d\d|5\d\d) (?:RESOURCE_EXHAUSTED|INVALID_ARGUMENT|PERMISSION_DENIED|UNAVAILABLE"
    r"|DEADLINE_EXCEEDED|UNAUTHENTICATED)",
    rows=(
        *(row for digits, word, category in _SUPPORT for row in _support(digits, word, category)),
        *(
            ErrorRule(
                id=f"veo.flow.{category}{number or ''}",
                kind=ErrorKind.CONTENT_BLOCK,
                documented=_FLOW,
                text=rf"\bPUBLIC_ERROR_\w*(?:{words})",
                anywhere=True,
                category=category,
                modality="audio" if words == "AUDIO_FILTERED" else "",
                confidence=Confidence.LIKELY,
            )
            for number, (words, category) in enumerate(_FLOW_CODES)
        ),
        ErrorRule(
            id="veo.flow-sentence",
            kind=ErrorKind.CONTENT_BLOCK,
            documented="no page: sentences that Google Flow shows",
            text=r"flagged as potentially violating (?:google|our)|generation might violate our polic",
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="veo.videos-filtered",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CODES_PAGE,
            text=r"videos? (?:was|were) filtered out because",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            charged=ChargeStatus.NO,
            charge_source=_NOT_CHARGED,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="veo.audio-filtered",
            kind=ErrorKind.CONTENT_BLOCK,
            documented="https://github.com/googleapis/js-genai/issues/1272",
            text=r"(?:issue|problem)s? with the audio (?:for|of) your prompt|audio.{0,60}(?:filter"
            r"|safety)[\s\S]{0,200}(?:not be charged|weren.t charged)",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            modality="audio",
            charged=ChargeStatus.NO,
            charge_source=_NOT_CHARGED,
            retry=ProviderRetry.NEW_SEED,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="veo.filtered.input-image",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CODES_PAGE,
            text=r"because the input (?:image|video) violates",
            anywhere=True,
            stage=ModerationStage.INPUT,
            modality="image",
            charged=ChargeStatus.NO,
            charge_source="documented: refused before generation",
        ),
        ErrorRule(
            id="veo.filtered",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SDK,
            fields={"raimediafilteredcount|rai_media_filtered_count|raifilteredcount": r"[1-9]\d*"},
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            charged=ChargeStatus.NO,
            charge_source=_NOT_CHARGED,
        ),
        ErrorRule(
            id="veo.filtered-reason",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SDK,
            fields={"raimediafilteredreasons|rai_media_filtered_reasons|raifilteredreason": r"[\s\S]{4,}"},
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            charged=ChargeStatus.NO,
            charge_source=_NOT_CHARGED,
        ),
        ErrorRule(
            id="veo.could-not-generate",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CODES_PAGE,
            text=r"veo could not generate \d* ?videos?"
            r"|rai_?media_?filtered_?count['\"]?\s{0,3}[=:]\s{0,3}[1-9]",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            charged=ChargeStatus.NO,
            charge_source=_NOT_CHARGED,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="veo.prompt-refused",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CODES_PAGE,
            text=r"prompt (?:could ?n.t|could not) be submitted|it might violate our policies"
            r"|usage guidelines.{0,80}prompt"
            r"|prompt.{0,120}(?:violat\w+ (?:google.s|vertex ai.s) |usage guidelines)"
            r"|sensitive words that violate",
            anywhere=True,
            stage=ModerationStage.INPUT,
            charged=ChargeStatus.NO,
            charge_source="documented: refused before generation",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="veo.person-generation",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_PERSON,
            text=r"person_?generation.{0,120}(?:not supported|not allowed|invalid|unsupported)"
            r"|allow_all.{0,40}(?:not supported|allowlist)",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="veo.rate-limit.per-minute",
            kind=ErrorKind.RATE_LIMIT,
            documented=_ERRORS,
            fields={"status|code|reason": r"RESOURCE_EXHAUSTED|429"},
            # All quotas have the same message about plan and billing. Only the quota's name distinguishes
            # them.
            text=r"\A(?![\s\S]*per ?(?:day|month))[\s\S]*per ?(?:minute|second)",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="veo.quota",
            kind=ErrorKind.QUOTA,
            documented=_ERRORS,
            fields={"status|code|reason": r"RESOURCE_EXHAUSTED|429"},
            text=r"billing|exceeded your current quota|plan and billing|prepayment credits|per ?day|daily",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="veo.rate-limit",
            kind=ErrorKind.RATE_LIMIT,
            documented=_ERRORS,
            fields={"status|reason": r"RESOURCE_EXHAUSTED|RATE_LIMIT_EXCEEDED"},
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="veo.rate-limit-sentence",
            kind=ErrorKind.RATE_LIMIT,
            documented=_ERRORS,
            text=r"\b(?:429 )?RESOURCE_EXHAUSTED\b",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="veo.auth",
            kind=ErrorKind.AUTH,
            documented=_ERRORS,
            fields={
                "status|reason": r"UNAUTHENTICATED|PERMISSION_DENIED|API_KEY_INVALID|SERVICE_DISABLED"
                r"|ACCESS_TOKEN_\w+"
            },
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="veo.unavailable",
            kind=ErrorKind.TRANSIENT,
            documented=_ERRORS,
            fields={"status": r"UNAVAILABLE|INTERNAL|ABORTED"},
            anywhere=True,
        ),
        ErrorRule(
            id="veo.deadline",
            kind=ErrorKind.TIMEOUT,
            documented=_ERRORS,
            fields={"status": r"DEADLINE_EXCEEDED"},
            anywhere=True,
        ),
        ErrorRule(
            id="veo.operation-unavailable",
            kind=ErrorKind.TRANSIENT,
            documented=_RPC,
            fields={"code": r"1[34]", "done": r"true"},
            text=r"internal|unavailable|try again|overloaded|high (?:demand|load)",
        ),
        ErrorRule(
            id="veo.operation-input",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=f"{_CODES_PAGE}; {_RPC}",
            fields={"code": r"3", "done": r"true"},
            text=r"violat|safety|polic|sensitive|responsible ai",
            stage=ModerationStage.INPUT,
            charged=ChargeStatus.NO,
            charge_source="documented: refused before generation",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="veo.invalid",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_ERRORS,
            fields={"status": r"INVALID_ARGUMENT|FAILED_PRECONDITION|NOT_FOUND|OUT_OF_RANGE"},
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)
