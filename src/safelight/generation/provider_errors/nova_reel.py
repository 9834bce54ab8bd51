"""Amazon Nova Reel on Bedrock: a ValidationException for the input, a failed job for the output."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Kind, Side
from .rules import Provider, Row

_PAGE = "docs.aws.amazon.com/nova/latest/userguide/video-gen-errors.html"
_BEDROCK = "docs.aws.amazon.com/bedrock, API errors"

NOVA_REEL = Provider(
    name="nova_reel",
    title="Amazon Nova Reel",
    aliases=frozenset({"bedrock", "aws", "amazon", "nova", "nova-reel", "bedrock-nova-reel"}),
    signs=r"BedrockException|bedrock|nova-reel|botocore|start_async_invoke|StartAsyncInvoke|GetAsyncInvoke"
    r"|ValidationException|invocationArn|blocked by our content filters",
    rows=(
        Row(
            id="nova-reel.text",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"blocked by our content filters\. please adjust your text",
            anywhere=True,
            stage=Side.INPUT,
            modality="text",
        ),
        Row(
            id="nova-reel.image",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"blocked by our content filters\. please adjust your input (?:image|video)",
            anywhere=True,
            stage=Side.INPUT,
            modality="image",
        ),
        Row(
            id="nova-reel.output",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"generated (?:videos?|images?|text)(?: has| have)? been blocked by our content filters",
            anywhere=True,
            stage=Side.OUTPUT,
        ),
        Row(
            id="nova-reel.request",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"request has been blocked by our content filters",
            anywhere=True,
            stage=Side.INPUT,
        ),
        Row(
            id="nova-reel.throttled",
            kind=Kind.RATE_LIMIT,
            documented=_BEDROCK,
            says=r"ThrottlingException|TooManyRequestsException",
            anywhere=True,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="nova-reel.quota",
            kind=Kind.QUOTA,
            documented=_BEDROCK,
            says=r"ServiceQuotaExceededException",
            anywhere=True,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="nova-reel.denied",
            kind=Kind.AUTH,
            documented=_BEDROCK,
            says=r"AccessDeniedException|UnrecognizedClientException|ExpiredTokenException"
            r"|InvalidSignatureException",
            anywhere=True,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="nova-reel.server",
            kind=Kind.TRANSIENT,
            documented=_BEDROCK,
            says=r"InternalServerException|ServiceUnavailableException|ModelNotReadyException",
            anywhere=True,
        ),
        Row(
            id="nova-reel.timeout",
            kind=Kind.TIMEOUT,
            documented=_BEDROCK,
            says=r"ModelTimeoutException",
            anywhere=True,
        ),
        Row(
            id="nova-reel.invalid",
            kind=Kind.INVALID_REQUEST,
            documented=_PAGE,
            says=r"ValidationException|ResourceNotFoundException",
            charged=Charged.NO,
            charge_source="not taken",
        ),
    ),
)
