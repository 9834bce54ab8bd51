"""The tools of one MCP session. Texts of prompts and providers are returned apart, marked as untrusted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from safelight.policy.verdicts import Action
from safelight.providers.advice.check_result import CheckResult, advice_wire
from safelight.providers.advice.help_gate import HelpAnswer
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.providers.advice.provider_rules import is_known_provider
from safelight.providers.attempts.gate import explanation_object
from safelight.providers.provider_errors import decode
from safelight.providers.provider_errors.registry import named

from .gateway import GatewayFailure, McpGateway, VideoOffer, VideoReply
from .session_limits import SessionLimits, SessionRefusal
from .untrusted import with_untrusted

#: Most characters of a text that a tool takes, as a gateway accepts by default.
MAX_CHARACTERS = 32_000
#: Most characters of the prompt of a video. The question to the user shows the whole prompt.
MAX_SHOWN_CHARACTERS = 4_000
#: Most attempts of one answer, so that it fits into the context of a model.
MAX_ATTEMPTS = 50
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
#: Parts of a check that quote the prompt.
_QUOTING = ("drivers", "contradictions", "suggestions", "checklist")
#: Our own statements in the answer of a check.
_STATED = (
    *("verdict", "summary", "answer", "risk_level", "risk", "no_suggestions", "help_lines"),
    *("model", "seconds", "price", "documented_refusals"),
)
#: The name of the field `charged.source` in `ProviderError.quoted`.
_CHARGE_SOURCE = "charge_source"
#: Our own statements in an attempt. All other fields may have been written by others.
_STATED_OF_ATTEMPT = (
    *("object", "id", "origin", "reported", "time", "prompt_withheld", "outcome", "stage", "seconds", "size"),
    *("file_came", "charged", "amount", "currency", "refunded", "is_refunded", "video_id"),
)
#: States of a video that may still be blocked.
_UNFINISHED = ("queued", "in_progress")

#: Checks a text on this machine. Records nothing.
LocalCheck = Callable[[str, AdviceOptions], CheckResult]


class McpTools:
    """The tools. With a gateway, checks are made there, so that its limits and its history count."""

    def __init__(
        self, local_check: Callable[[], LocalCheck], gateway: McpGateway | None, limits: SessionLimits
    ) -> None:
        self._local_check = local_check
        self._gateway = gateway
        self._limits = limits
        #: Ids of the videos of the session that may still be blocked.
        self._unfinished: set[str] = set()

    def check(self, prompt: str, provider: str = "") -> dict[str, Any]:
        """The verdict of the policy, and what the provider may refuse. Nothing is generated."""
        _require_text(prompt, "prompt")
        if provider and not is_known_provider(provider) and self._gateway is None:
            raise SessionRefusal(
                "The provider is not known. Leave it out, or name one such as veo or runway."
            )
        if self._gateway is None:
            answer: Mapping[str, Any] = self._check_here(prompt, provider)
        else:
            try:
                answer = self._gateway.check(prompt, provider)
            except GatewayFailure as failure:
                return self._failed(prompt, failure)
        if answer.get("verdict") == Action.BLOCK.value:
            self._limits.remember_block(by_policy=True)
        had_block = self._limits.had_policy_block()
        ours = {name: answer[name] for name in _STATED if answer.get(name) is not None}
        # After a block by our policy nothing is suggested, even if the gateway has forgotten it.
        texts = {} if had_block else {name: answer[name] for name in _QUOTING if name in answer}
        ours |= {"answer": HelpAnswer.REFUSE.value} if had_block else {}
        ours |= {"checked_by": "this machine" if self._gateway is None else "gateway"}
        return with_untrusted(ours, {"prompt": prompt, **texts})

    def _check_here(self, prompt: str, provider: str) -> Mapping[str, Any]:
        options = AdviceOptions(provider=provider, had_block=self._limits.had_policy_block())
        found = self._local_check()(prompt, options)
        return {**advice_wire(found), "summary": found.summary}

    def explain_error(self, error: str, provider: str = "") -> dict[str, Any]:
        """Which party refused at which stage, the charge and the next step, for an error of a provider."""
        _require_text(error, "error")
        if provider and named(provider) is None:
            raise SessionRefusal("The provider is not known. Leave it out, or name one such as veo or kling.")
        found = decode(error, provider=provider or None)
        ours = explanation_object(found, error)
        texts = {name: ours.pop(name) for name in {"code", "message", *found.quoted} - {_CHARGE_SOURCE}}
        if _CHARGE_SOURCE in found.quoted:
            texts[_CHARGE_SOURCE] = ours["charged"].pop("source")
        return with_untrusted(ours, {"error": error[:MAX_CHARACTERS], **texts})

    def status(self, video_id: str) -> dict[str, Any]:
        """One video as it is now."""
        gateway = self._require_gateway()
        if not _VIDEO_ID.fullmatch(video_id):
            raise SessionRefusal("This is not the id of a video.")
        try:
            video = gateway.status(video_id)
        except GatewayFailure as failure:
            return self._failed("", failure)
        return self._video(video)

    def attempts(self, provider: str = "", limit: int = 20) -> dict[str, Any]:
        """Attempts at providers, newest first, with outcome and charge."""
        gateway = self._require_gateway()
        if not 1 <= limit <= MAX_ATTEMPTS:
            raise SessionRefusal(f"limit must be between 1 and {MAX_ATTEMPTS}.")
        try:
            answer = gateway.attempts(provider, limit)
        except GatewayFailure as failure:
            return self._failed("", failure)
        rows = [
            with_untrusted(
                {name: row[name] for name in _STATED_OF_ATTEMPT if name in row},
                {name: value for name, value in row.items() if name not in _STATED_OF_ATTEMPT},
            )
            for row in answer.get("data", [])
        ]
        return {"attempts": rows, "has_more": bool(answer.get("has_more"))}

    def offer(self, prompt: str, model: str, seconds: str) -> VideoOffer:
        """What a video costs. Raises `SessionRefusal` if it would not be requested.

        Called before the user is asked, so that nothing is confirmed that is refused anyway.
        """
        _require_text(prompt, "prompt")
        if len(prompt) > MAX_SHOWN_CHARACTERS:
            raise SessionRefusal(
                f"The prompt is longer than {MAX_SHOWN_CHARACTERS} characters, so the question to the user "
                "would not show all of it. Nothing is requested."
            )
        self._remember_later_blocks()
        self._limits.require_allowed()
        try:
            offer = self._require_gateway().offer(prompt, model, seconds)
        except GatewayFailure as failure:
            if failure.is_block:
                self._limits.remember_block(by_policy=False)
            next_step = failure.explanation.get("next_step", "")
            raise SessionRefusal(
                f"The gateway refused the request. {next_step}".strip(), {"message": failure.message}
            ) from None
        if offer.is_block:
            self._limits.remember_block(by_policy=True)
        if offer.refusal:
            raise SessionRefusal(f"Not requested: {offer.refusal}")
        self._limits.require_affordable(offer.usd)
        return offer

    def create_video(self, prompt: str, confirmed: VideoOffer) -> dict[str, Any]:
        """Request the video that the user has confirmed. Raises `SessionRefusal` if it has become another one
        or more expensive since then, or if the money is used up.
        """
        gateway = self._require_gateway()
        offer = self.offer(prompt, confirmed.model, confirmed.seconds)
        same = (offer.model, offer.seconds) == (confirmed.model, confirmed.seconds)
        if not same or (offer.usd or 0) > (confirmed.usd or 0):
            raise SessionRefusal(
                "The price or the model has changed since the user was asked. Nothing was requested or "
                "charged. Call the tool again, so that the user sees the new price."
            )
        reserved = self._limits.reserve(offer.usd)
        try:
            video = gateway.create(prompt, offer)
        except GatewayFailure as failure:
            if failure.explanation.get("charged") == "no":
                self._limits.release(reserved)
            return self._failed(prompt, failure)
        self._unfinished.add(video.id)
        return {**self._video(video), "reserved_usd": reserved, "left_usd": self._limits.left_usd}

    def _remember_later_blocks(self) -> None:
        """Look at the videos of the session that had not ended: a provider may have blocked one since."""
        for video_id in list(self._unfinished):
            # The gateway refuses near its own blocks, also if it does not answer here.
            with suppress(GatewayFailure):
                self._video(self._require_gateway().status(video_id))

    def _video(self, video: VideoReply) -> dict[str, Any]:
        if video.status not in _UNFINISHED:
            self._unfinished.discard(video.id)
        if video.is_block:
            self._limits.remember_block(by_policy=False)
        ours = {"id": video.id, "status": video.status, **video.facts}
        return with_untrusted(ours, {"prompt": video.prompt, "message": video.message})

    def _failed(self, prompt: str, failure: GatewayFailure) -> dict[str, Any]:
        if failure.is_block and prompt:
            self._limits.remember_block(by_policy=False)
        return with_untrusted(
            {"failed": dict(failure.explanation)}, {"prompt": prompt, "message": failure.message}
        )

    def _require_gateway(self) -> McpGateway:
        if self._gateway is None:
            raise SessionRefusal(
                "This needs a gateway. Its operator sets SAFELIGHT_URL and SAFELIGHT_API_KEY for this server."
            )
        return self._gateway


def _require_text(text: str, name: str) -> None:
    if not text.strip():
        raise SessionRefusal(f"The {name} is empty.")
    if len(text) > MAX_CHARACTERS:
        raise SessionRefusal(f"The {name} is longer than {MAX_CHARACTERS} characters.")
