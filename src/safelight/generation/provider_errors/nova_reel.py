"""Amazon Nova Reel on Bedrock: a refused input gives a `ValidationException`, a refused output a failed
job.
"""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_PAGE = "https://docs.aws.amazon.com/nova/latest/userguide/video-gen-errors.html"
_BEDROCK = "https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html"

NOVA_REEL = Provider(
    name="nova_reel",
    title="Amazon Nova Reel",
    aliases=frozenset({"bedrock", "aws", "amazon", "nova", "nova-reel", "bedrock-nova-reel"}),
    signs=r"BedrockException|bedrock|nova-reel|botocore|start_async_invoke|StartAsyncInvoke|GetAsyncInvoke"
    r"|ValidationException|invocationArn",
    rows=(
        ErrorRule(
            id="nova-reel.text",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"blocked by our content filters\. please adjust your text",
            anywhere=True,
            stage=ModerationStage.INPUT,
            modality="text",
        ),
        ErrorRule(
            id="nova-reel.image",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"blocked by our content filters\. please adjust your input (?:image|video)",
            anywhere=True,
            stage=ModerationStage.INPUT,
            modality="image",
        ),
        ErrorRule(
            id="nova-reel.output",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"generated (?:videos?|images?|text)(?: has| have)? been blocked by our content filters"
            r"|blocked by our content filters because the generated",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
        ),
        ErrorRule(
            id="nova-reel.request",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"\A(?![\s\S]*content_policy_violation)[\s\S]*request has been blocked"
            r" by our content filters",
            anywhere=True,
            stage=ModerationStage.INPUT,
        ),
        ErrorRule(
            id="nova-reel.throttled",
            kind=ErrorKind.RATE_LIMIT,
            documented=_BEDROCK,
            text=r"ThrottlingException|TooManyRequestsException",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="nova-reel.quota",
            kind=ErrorKind.QUOTA,
            documented=_BEDROCK,
            text=r"ServiceQuotaExceededException",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="nova-reel.denied",
            kind=ErrorKind.AUTH,
            documented=_BEDROCK,
            text=r"AccessDeniedException|UnrecognizedClientException|ExpiredTokenException"
            r"|InvalidSignatureException",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="nova-reel.server",
            kind=ErrorKind.TRANSIENT,
            documented=_BEDROCK,
            text=r"InternalServerException|ServiceUnavailableException|ModelNotReadyException",
            anywhere=True,
        ),
        ErrorRule(
            id="nova-reel.timeout",
            kind=ErrorKind.TIMEOUT,
            documented=_BEDROCK,
            text=r"ModelTimeoutException",
            anywhere=True,
        ),
        ErrorRule(
            id="nova-reel.invalid",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_PAGE,
            text=r"ValidationException|ResourceNotFoundException",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)
