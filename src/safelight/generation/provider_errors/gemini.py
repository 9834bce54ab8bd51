"""Google's Interactions API and Gemini's own filters: finish reasons, block reasons, and interaction
states.
"""

from __future__ import annotations

from .model import Confidence, ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_SDK = "https://github.com/googleapis/python-genai (FinishReason, BlockedReason)"

_EITHER = "blockreason|block_reason|finishreason|finish_reason"

GEMINI = Provider(
    name="gemini",
    title="Gemini",
    aliases=frozenset(
        {"gemini-omni", "interactions", "gemini_interactions", "google-gemini", "gemini-interactions"}
    ),
    signs=r"gemini-omni|[\"']finishReason[\"']|/interactions|promptFeedback|prompt_feedback|blockReason"
    r"|\"object\": ?\"interaction\"|budget_exceeded|gemini api error|\bgoogle ai\b|BlockedReason\.",
    rows=(
        ErrorRule(
            id="gemini.prompt-blocked.ip",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SDK,
            fields={_EITHER: r"RECITATION|IMAGE_RECITATION|VIDEO_RECITATION"},
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            category="ip",
        ),
        ErrorRule(
            id="gemini.prompt-blocked",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SDK,
            fields={
                "blockreason|block_reason": r"SAFETY|PROHIBITED_CONTENT|BLOCKLIST|OTHER|IMAGE_SAFETY"
                r"|JAILBREAK|MODEL_ARMOR"
            },
            anywhere=True,
            stage=ModerationStage.INPUT,
        ),
        ErrorRule(
            id="gemini.finish-safety",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SDK,
            fields={
                "finishreason|finish_reason": r"SAFETY|PROHIBITED_CONTENT|BLOCKLIST|SPII|IMAGE_SAFETY"
                r"|IMAGE_PROHIBITED_CONTENT"
                r"|VIDEO_SAFETY"
            },
            anywhere=True,
            stage=ModerationStage.OUTPUT,
        ),
        ErrorRule(
            id="gemini.reason-word",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SDK,
            text=r"\b(?:BlockedReason|FinishReason)\.(?:SAFETY|OTHER|PROHIBITED_CONTENT|BLOCKLIST|IMAGE_SAFETY"
            r"|SPII|JAILBREAK)\b|\bIMAGE_SAFETY\b|\bIMAGE_PROHIBITED_CONTENT\b",
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="gemini.interaction-blocked",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SDK,
            fields={"status": r"failed|incomplete"},
            text=r"safety|blocked|prohibited|policy|polic(?:y|ies)|sensitive",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="gemini.budget",
            kind=ErrorKind.QUOTA,
            documented=_SDK,
            fields={"status": r"budget_exceeded"},
            anywhere=True,
        ),
    ),
)
