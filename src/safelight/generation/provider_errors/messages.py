"""What a decoded failure sounds like: one plain sentence, and what to do now."""

from __future__ import annotations

from .model import UNKNOWN, ErrorKind, ModerationStage, ProviderError, ProviderRetry

_CATEGORIES = {
    "sexual": "sexual content",
    "sexual/minors": "the protection of minors",
    "minors": "the protection of minors",
    "minors-present": "the protection of minors",
    "violence": "violence",
    "violence/graphic": "graphic violence",
    "self-harm": "self-harm",
    "hate": "hate",
    "harassment": "harassment or coarse language",
    "extremism": "extremism",
    "illicit": "dangerous or illegal activity",
    "likeness": "a real person",
    "ip": "somebody's protected work",
    "ip/character": "a protected character",
    "ip/brand": "a brand",
    "deception": "deception",
    "privacy": "private data",
}
_INPUTS = {
    "text": "the prompt",
    "image": "the reference image",
    "video": "the reference video",
    "audio": "the reference sound",
}
_OUTPUTS = {"audio": "the finished video for its sound", "image": "the finished picture"}


def sentence(decoded: ProviderError, who: str) -> str:
    match decoded.kind:
        case ErrorKind.CONTENT_BLOCK:
            return f"{who} refused {_what(decoded)}{_why(decoded)}."
        case ErrorKind.RATE_LIMIT:
            return f"{who} takes no more orders just now; nobody judged the content."
        case ErrorKind.QUOTA:
            return f"{who} wants payment or has counted a quota as used up; nobody judged the content."
        case ErrorKind.AUTH:
            return f"{who} does not accept the key, or the key may not do this; nobody judged the content."
        case ErrorKind.TRANSIENT:
            return f"{who} had trouble of its own; nobody judged the content."
        case ErrorKind.TIMEOUT:
            return f"{who} did not finish in time; nobody judged the content."
        case ErrorKind.INVALID_REQUEST:
            return f"{who} does not take the request as it is; nobody judged the content."
        case _:
            return "What this means is not known."


def _what(decoded: ProviderError) -> str:
    if decoded.stage is ModerationStage.INPUT:
        return f"{_INPUTS.get(decoded.modality, 'the request')} before anything was generated"
    if decoded.stage is ModerationStage.OUTPUT:
        return f"{_OUTPUTS.get(decoded.modality, 'the finished video')} after it was generated"
    return "the order and does not say whether before or after generation"


def _why(decoded: ProviderError) -> str:
    if decoded.category == UNKNOWN:
        return "; for which reason it does not say"
    return f"; the reason it gives is {_CATEGORIES.get(decoded.category, decoded.category)}"


_STEPS = {
    ErrorKind.QUOTA: "Top up or raise the limit of the account, then send the same order again.",
    ErrorKind.AUTH: "Check the key, what it may do, and that it belongs to this address.",
    ErrorKind.TRANSIENT: (
        "Send the same order again in a minute; ask first whether a job was made, or it may be paid twice."
    ),
    ErrorKind.TIMEOUT: (
        "Ask the provider whether the job exists before ordering again, so that it is not paid twice."
    ),
    ErrorKind.INVALID_REQUEST: "Correct the request; the message says what.",
}


def next_step(decoded: ProviderError) -> str:
    if decoded.kind is ErrorKind.CONTENT_BLOCK:
        return _after_a_block(decoded)
    if decoded.kind is ErrorKind.RATE_LIMIT:
        wait = f"Wait {decoded.after_s:g} s" if decoded.after_s else "Wait a little, longer each time"
        return f"{wait}, then send the same order again."
    return _STEPS.get(decoded.kind, "Ask the provider.")


def _after_a_block(decoded: ProviderError) -> str:
    if decoded.retry is ProviderRetry.NEVER:
        return "Do not send it again."
    if decoded.retry is ProviderRetry.SAME:
        return "Send the same order once more; if it is refused again, change the prompt."
    if decoded.retry is ProviderRetry.NEW_SEED:
        return "Try once with another seed; if it is refused again, change the prompt."
    thing = _INPUTS.get(decoded.modality, "the prompt")
    if decoded.stage is ModerationStage.UNKNOWN or (
        decoded.stage is ModerationStage.INPUT and not decoded.modality
    ):
        thing = "the prompt, or the reference image where there is one"
    return f"Change {thing}. The same order will be refused again."
