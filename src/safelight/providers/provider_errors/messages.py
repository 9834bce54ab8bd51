"""Messages for an explained error: one plain sentence, and what to do next."""

from __future__ import annotations

from safelight.providers.protocol import ChargeStatus

from .model import UNKNOWN, ErrorKind, ModerationStage, ProviderError, ProviderRetry

#: Delay that is suggested if a rate limit states none: most limits count requests per minute.
DEFAULT_WAIT_S = 60

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
    "likeness": "the likeness of a real person",
    "ip": "a possible similarity to somebody else's protected work",
    "ip/character": "the use of a protected character",
    "ip/brand": "the use of a brand",
    "deception": "deception",
    "privacy": "private data",
}
#: What a refusal of the input is about, by modality.
INPUTS = {
    "text": "the prompt",
    "image": "the reference image",
    "video": "the reference video",
    "audio": "the reference sound",
}
_OUTPUTS = {"audio": "the finished video for its sound", "image": "the finished picture"}
_STEPS = {
    ErrorKind.QUOTA: "Add credit or raise the limit of the account, then submit the same request again.",
    ErrorKind.AUTH: "Check the key, its permissions, and that it belongs to this address.",
    ErrorKind.TRANSIENT: (
        "Submit the same request again in a minute; first check whether a job exists, to avoid paying twice."
    ),
    ErrorKind.TIMEOUT: (
        "Ask the provider whether the job exists before you submit it again, to avoid paying twice."
    ),
    ErrorKind.INVALID_REQUEST: "Correct the request as the message describes.",
}


def sentence(decoded: ProviderError, who: str) -> str:
    match decoded.kind:
        case ErrorKind.CONTENT_BLOCK:
            return f"{who} refused {_what(decoded)}{_why(decoded)}."
        case ErrorKind.RATE_LIMIT:
            return f"{who} is not taking more requests right now; the content was not judged."
        case ErrorKind.QUOTA:
            return f"{who} requires payment, or a quota is used up; the content was not judged."
        case ErrorKind.AUTH:
            return (
                f"{who} does not accept the key, or the key lacks a permission; the content was not judged."
            )
        case ErrorKind.TRANSIENT:
            return f"{who} had an internal error; the content was not judged."
        case ErrorKind.TIMEOUT:
            return f"{who} did not finish in time; the content was not judged."
        case ErrorKind.INVALID_REQUEST:
            return f"{who} does not accept the request in this form; the content was not judged."
        case _:
            return "The meaning of this error is unknown."


def _what(decoded: ProviderError) -> str:
    if decoded.stage is ModerationStage.INPUT:
        return f"{INPUTS.get(decoded.modality, 'the request')} before anything was generated"
    if decoded.stage is ModerationStage.OUTPUT:
        return f"{_OUTPUTS.get(decoded.modality, 'the finished video')} after it was generated"
    return "the request and does not state whether before or after generation"


def _why(decoded: ProviderError) -> str:
    if decoded.category == UNKNOWN:
        return "; it gives no reason"
    return f"; its reason is {_CATEGORIES.get(decoded.category, decoded.category)}"


def next_step(decoded: ProviderError) -> str:
    if decoded.kind is ErrorKind.CONTENT_BLOCK:
        return _after_a_block(decoded)
    if decoded.kind is ErrorKind.RATE_LIMIT:
        if decoded.after_s:
            return f"Wait {decoded.after_s:g} s, then submit the same request again."
        return (
            f"The error states no delay: wait {DEFAULT_WAIT_S} s, then submit the same request again; "
            "double the delay after each further refusal."
        )
    return _STEPS.get(decoded.kind, "Ask the provider.")


def _after_a_block(decoded: ProviderError) -> str:
    if decoded.retry is ProviderRetry.NEVER:
        return "Do not submit it again."
    if decoded.retry is ProviderRetry.SAME:
        return "Submit the same request once more; if it is refused again, change the prompt."
    if decoded.retry is ProviderRetry.NEW_SEED:
        return "Try once with another seed; if it is refused again, change the prompt."
    thing = INPUTS.get(decoded.modality, "the prompt")
    if decoded.stage is ModerationStage.UNKNOWN or (
        decoded.stage is ModerationStage.INPUT and not decoded.modality
    ):
        thing = "the prompt, or the reference image if you used one"
    if decoded.charged is ChargeStatus.NO:
        return f"Change {thing}. The same request may be refused again."
    return f"Change {thing}. The same request may be refused again, and each attempt may be charged."
