"""The page that explains what a provider may refuse in a prompt, and applies a suggestion with one click."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.advice.prompt_advice import AdviceOptions, BlockedAt
from safelight.advice.provider_rules import document_for
from safelight.advice.suggestion import Suggestion
from safelight.errors import BadInput, NotFound, RateLimited
from safelight.i18n import load_messages
from safelight.jobs.models import Video
from safelight.moderation.check_result import CheckResult, applied_wire, find_suggestion
from safelight.trust.accounts import KeyScope, Principal
from safelight.web.create_request import create_request
from safelight.web.video_facts import valid_video_id

from .check_view import check_view
from .form_key import new_form_id
from .handler import PageHandler
from .studio import is_own_hardware, list_providers
from .try_lengths import find_try_lengths

#: Longest purpose, as in the API.
_MAX_PURPOSE_CHARS = 300
#: `model` comes from the studio: the advice is about it if no provider is selected.
_FIELDS = ("prompt", "model", "provider", "blocked", "purpose")


class AdvicePages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        """The empty form. `?from=` fills in the prompt of a video, and what its provider blocked."""
        form = dict.fromkeys(_FIELDS, "")
        if source := request.query_params.get("from", ""):
            video = await self.run(self.services.videos.get, principal, valid_video_id(source))
            form |= form_of(video)
        return await self._render(request, principal, form, {})

    async def check(self, request: Request, principal: Principal) -> Response:
        """The advice on the prompt, or on the suggestion that `apply` names. Nothing is submitted.

        It counts as one check, and with `apply` or a call of the language model as two.
        """
        checks = self.services.checks
        if checks is None:
            raise NotFound("This server does not check prompts.")
        sent = await self.read_form(request)
        form = {name: sent.get(name, "") for name in _FIELDS}
        values: dict[str, Any] = {}
        try:
            fields = {name: form[name] for name in ("prompt", "model") if form[name]}
            asked = create_request(fields, max_prompt_chars=self.services.max_prompt_chars)
            t = self.translations(request)
            options = replace(_options(form), rewriter=bool(sent.get("rewriter")))
            found, admitted, price = await self.run(checks.check, principal, asked, options=options)
            own = (
                bool(form["model"])
                and not options.provider
                and is_own_hardware(self.services, admitted.generator)
            )
            view = check_view(found, price, form["prompt"], self.services.taxonomy, t, own_hardware=own)
            values = {"check": view}
            if checks.rewriter and found.prompt_advice.helps and not found.rewriter:
                values["rewriter"] = checks.rewriter.options
            may_try = found.prompt_advice.helps and principal.has_scope(KeyScope.VIDEOS_WRITE)
            if suggestion := _chosen(found, sent.get("apply", "")):
                changed = replace(asked, prompt=suggestion.rewritten)
                again, _, _ = await self.run(
                    checks.check, principal, changed, options=replace(options, rewriter=False)
                )
                values["applied"] = applied_wire(found, suggestion, again)
                may_try = may_try and again.prompt_advice.helps
            if may_try:
                values["offer"] = find_try_lengths(self.services.generators, _model_to_try(form), t)
        except (BadInput, RateLimited) as problem:
            values = {"problem": problem}
        return await self._render(request, principal, form, values)

    async def _render(
        self, request: Request, principal: Principal, form: dict[str, str], values: dict[str, Any]
    ) -> Response:
        shown = {
            "form": form,
            "check": None,
            "problem": None,
            "applied": None,
            "offer": None,
            "rewriter": None,
            "form_id": new_form_id(),
            "a": load_messages("advice", self.translations(request).tag),
            "providers": list_providers(),
            **values,
        }
        return await self.render_page(request, "advice.html", principal, **shown)


def form_of(video: Video) -> dict[str, str]:
    """The fields of the form that a video states: its prompt, and the provider and what it blocked."""
    details = video.explanation or {}
    if details.get("source") != "provider":
        return {"prompt": video.prompt}
    document = document_for(video.model)
    blocked = {"input": BlockedAt.REQUEST, "output": BlockedAt.OUTPUT}.get(
        str(details.get("moderation_stage"))
    )
    return {
        "prompt": video.prompt,
        "model": video.model,
        "provider": document.provider if document else "",
        "blocked": blocked.value if blocked else "",
    }


def _model_to_try(form: dict[str, str]) -> str:
    """The model of the form, if it is of the selected provider; otherwise the provider."""
    model, provider = form["model"], form["provider"]
    is_of_provider = not provider or document_for(model) == document_for(provider)
    return model if model and is_of_provider else provider


def _chosen(found: CheckResult, number: str) -> Suggestion | None:
    """The suggestion to apply; None if none was asked for or help is refused."""
    if not number or found.prompt_advice.refusal is not None:
        return None
    return find_suggestion(
        found, int(number) if number.isascii() and len(number) < 4 and number.isdigit() else 0
    )


def _options(form: dict[str, str]) -> AdviceOptions:
    blocked = form["blocked"]
    return AdviceOptions(
        provider=form["provider"][:100].strip(),
        blocked_at=BlockedAt(blocked) if blocked in set(BlockedAt) else None,
        purpose=form["purpose"][:_MAX_PURPOSE_CHARS],
    )
