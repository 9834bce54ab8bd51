"""The check of `safelight doctor` of the language model that rewrites prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .doctor_checks import DoctorCheck, off, ok, warn

if TYPE_CHECKING:
    from safelight.app.settings.advice import RewriterSettings


def rewriter(settings: RewriterSettings, *, key: str) -> DoctorCheck:
    """Whether prompts are sent to a language model. Sends nothing, because a call may be charged."""
    if settings.url is None:
        return off(
            "rewriter",
            "Not configured: no prompt is sent to a language model for rewrites.",
            "To switch it on, set advice.rewriter.url and advice.rewriter.model.",
        )
    if settings.api_key_env and not key:
        return warn(
            "rewriter",
            f"The variable “{settings.api_key_env}” of advice.rewriter.api_key_env is not set.",
            "Set the variable, or leave advice.rewriter.api_key_env empty.",
        )
    if not (key.isascii() and key.isprintable()):
        return warn(
            "rewriter",
            f"The key in the variable “{settings.api_key_env}” has a character that no key can have.",
            "Copy the key again: each call fails with this one.",
        )
    return ok("rewriter", f"On: prompts are sent to “{settings.url}” if a caller asks for rewrites.")
