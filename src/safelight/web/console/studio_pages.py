"""The studio: check a prompt, request a video, and show the outcome."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import (
    BadInput,
    Conflict,
    InvalidField,
    NotFound,
    RateLimited,
    RequestBlocked,
    SafelightError,
)
from safelight.core.i18n import load_messages
from safelight.policy.intended_use import UseKind
from safelight.policy.verdicts import Action
from safelight.providers.advice.check_result import CheckResult, applied_wire, find_suggestion
from safelight.providers.advice.prompt_advice import AdviceOptions, BlockedAt
from safelight.providers.advice.provider_rules import document_for
from safelight.providers.advice.suggestion import Suggestion
from safelight.screening.coverage_count import installed_checks
from safelight.screening.text_figures import describe_installed_text
from safelight.videos.models import Video, VideoFilter, VideoState
from safelight.videos.requests.request import CreateRequest
from safelight.web.create_request import create_request
from safelight.web.request_body import read_body
from safelight.web.video_facts import valid_video_id

from .check_view import check_view
from .form_key import FORM_ID, form_key, new_form_id
from .prompt_highlights import PROMPT_FIELD
from .render import PageHandler
from .studio import FORM_FIELDS, USE_FIELDS, StudioForm, form_values, is_own_hardware, list_providers
from .try_lengths import LengthPrice, find_try_lengths
from .video_card import VideoCard, video_card
from .video_view import VideoView, video_view

#: Longest purpose, as in the API.
_MAX_PURPOSE_CHARS = 300
#: `model` comes from the studio: the advice is about it if no provider is selected.
_FIELDS = ("prompt", "model", "provider", "blocked", "purpose")
_ALLOWED = (Action.ALLOW.value, Action.LABEL.value)
RECENT_VIDEOS = 8

# The page that explains what a provider may refuse in a prompt, and applies a suggestion with one click.


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
            "applied": None,
            "offer": None,
            "rewriter": None,
            "form_id": new_form_id(),
            "a": load_messages("advice", self.translations(request).tag),
            "providers": list_providers(),
            **values,
        }
        return await self.render_page(request, "advice.html", principal, 200, **shown)


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


class TryPages(PageHandler):
    async def create(self, request: Request, principal: Principal) -> Response:
        """Submit the prompt at the shortest length, if it costs at most what the page has shown.

        The help gate decides first, as for suggestions. It counts as one check.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        services, t = self.services, self.translations(request)
        if services.checks is None:
            raise NotFound("This server does not check prompts.")
        sent = await self.read_form(request)
        offer = find_try_lengths(services.generators, sent.get("model", ""), t)
        if offer is None:
            raise InvalidField("This server has no such model.", param="model")
        _require_price(offer.shortest, sent.get("usd", ""))
        asked = self._request(sent, sent.get("prompt", ""), offer.model, offer.shortest)
        found, _, _ = await self.run(services.checks.check, principal, asked, estimates_risk=False)
        if found.verdict not in _ALLOWED or not found.prompt_advice.helps:
            wire = found.prompt_advice.as_wire(t.tag)["no_suggestions"]
            raise InvalidField(wire["text"] if wire else found.summary, param="prompt")
        rewritten = "?rewritten=1" if sent.get("rewritten") else ""
        return await self._submit(principal, asked, "/advice/try/{video}" + rewritten)

    async def create_full(self, request: Request, principal: Principal) -> Response:
        """Submit the prompt of a delivered try at a longer length, if it costs at most what was shown."""
        sent = await self.read_form(request)
        video_id = valid_video_id(request.path_params["video_id"])
        tried = await self.run(self.services.videos.get, principal, video_id)
        if tried.state is not VideoState.DELIVERED:
            raise Conflict("The try was not delivered. Nothing was sent.")
        offer = find_try_lengths(self.services.generators, tried.model, self.translations(request))
        longer = offer.longer if offer else ()
        length = next((one for one in longer if str(one.seconds) == sent.get("seconds")), None)
        if offer is None or length is None:
            raise InvalidField("This server does not sell this length.", param="seconds")
        _require_price(length, sent.get(f"usd_{length.seconds}", ""))
        asked = self._request(sent, tried.prompt, offer.model, length, size=f"{tried.width}x{tried.height}")
        return await self._submit(principal, asked, "/videos/{video}")

    def _request(
        self, sent: Mapping[str, str], prompt: str, model: str, length: LengthPrice, **fields: str
    ) -> CreateRequest:
        return create_request(
            {"prompt": prompt, "model": model, "seconds": str(length.seconds), **fields},
            max_prompt_chars=self.services.max_prompt_chars,
            idempotency_key=form_key(sent),
        )

    async def _submit(self, principal: Principal, asked: CreateRequest, page: str) -> Response:
        try:
            video = await self.run(self.services.videos.create, principal, asked)
        except RequestBlocked as error:
            return self.redirect(f"/videos/{error.details['video_id']}")
        return self.redirect(page.format(video=video.id))

    async def show(self, request: Request, principal: Principal) -> Response:
        """Progress and result of a try, and the longer lengths when it has passed."""
        services, t = self.services, self.translations(request)
        video_id = valid_video_id(request.path_params["video_id"])
        record = await self.run(services.videos.record, principal, video_id)
        installed = installed_checks(await self.run(services.videos.coverage))
        video = record.video
        view = video_view(video, record, t, services.taxonomy, now=self.console.clock(), installed=installed)
        values: dict[str, Any] = {
            "video": view,
            "offer": find_try_lengths(services.generators, video.model, t),
            "passed": video.state is VideoState.DELIVERED,
            "form_id": new_form_id(),
            "stop": view.blocked_by_provider and "rewritten" in request.query_params,
            "a": load_messages("advice", t.tag),
        }
        return await self.render_page(request, "try.html", principal, **values)


def _require_price(length: LengthPrice, shown: str) -> None:
    """Raise `Conflict` if a length costs more than was shown. `shown`: empty if no price was known."""
    now = length.usd
    try:
        costs_more = shown != now and not (now and shown and float(now) <= float(shown) < math.inf)
    except ValueError:
        costs_more = True
    if costs_more:
        raise Conflict("The price has changed since the page was shown. Nothing was sent.", param="usd")


class StudioPages(PageHandler):
    """The studio form, which is the start page."""

    async def show(self, request: Request, principal: Principal) -> Response:
        """The form. A script gets only the fragment with the cards of recent videos.

        An auditor reads no videos and begins on the page for compliance.
        """
        if not principal.has_scope(KeyScope.VIDEOS_READ):
            return self.redirect("/compliance")
        if self.wants_fragment(request):
            cards = await self._recent_cards(request, principal)
            return await self.render_page(request, "video_grid.html", principal, cards=cards)
        form = dict(self._form.default_values())
        form |= {
            name: request.query_params[name][:32_000] for name in FORM_FIELDS if name in request.query_params
        }
        if source := request.query_params.get("from", ""):
            video = await self.run(self.services.videos.get, principal, valid_video_id(source))
            form["prompt"] = video.prompt
        outcome: dict[str, Any] = {}
        # The script names the video that it has requested, so that it is shown again when the page is loaded.
        if made := request.query_params.get("video", ""):
            with suppress(NotFound, BadInput):
                outcome["video"] = await self._view(request, principal, valid_video_id(made))
        return await self._render_studio(request, principal, form, outcome)

    async def create(self, request: Request, principal: Principal) -> Response:
        """Request a video. A script gets only the fragment that changes; a form without scripts gets a
        full page.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        services = self.services
        async with read_body(request, services) as body:
            form = dict.fromkeys(FORM_FIELDS, "") | form_values(body.fields)
            # Files are not part of the key, so a form with one has none. The script changes the id of its
            # form after each answer: the page stays, and the same request may be sent again on purpose.
            key = None if body.uploads else form_key(body.fields)
            body.fields.pop("provider", None)
            body.fields.pop(FORM_ID, None)
            try:
                asked = create_request(
                    body.fields,
                    body.uploads,
                    max_prompt_chars=services.max_prompt_chars,
                    idempotency_key=key,
                )
                video = await self.run(services.videos.create, principal, asked)
                video_id, status = video.id, 200
            except RequestBlocked as error:
                video_id, status = str(error.details["video_id"]), error.status
            except SafelightError as error:
                return await self._render_outcome(request, principal, form, {"problem": error}, error.status)
        if status == 200 and not self.wants_fragment(request):
            return self.redirect(f"/videos/{video_id}")
        view = await self._view(request, principal, video_id)
        return await self._render_outcome(request, principal, form, {"video": view}, status)

    async def check(self, request: Request, principal: Principal) -> Response:
        """Check the prompt without requesting a video.

        A script gets only the fragment that changes; a form without scripts gets a full page.
        """
        services, t = self.services, self.translations(request)
        if services.checks is None:
            raise NotFound("This server does not check prompts.")
        async with read_body(request, services) as body:
            form = form_values(body.fields)
            asked = form.get("provider", "").strip()
            body.fields.pop("provider", None)
            body.fields.pop(FORM_ID, None)
            values: dict[str, Any] = {"check": None, "problem": None}
            try:
                order = create_request(body.fields, body.uploads, max_prompt_chars=services.max_prompt_chars)
                found, admitted, price = await self.run(
                    services.checks.check,
                    principal,
                    order,
                    options=AdviceOptions(provider=asked),
                )
                prompt = form.get(PROMPT_FIELD, "")
                own = not asked and is_own_hardware(services, admitted.generator)
                values["check"] = check_view(found, price, prompt, services.taxonomy, t, own_hardware=own)
            except (BadInput, RateLimited) as problem:
                values["problem"] = problem
        if self.wants_fragment(request):
            return await self.render_page(
                request, "check_result.html", principal, 200, a=load_messages("advice", t.tag), **values
            )
        return await self._render_studio(
            request, principal, dict(self._form.default_values()) | form, {"checks": values}
        )

    @property
    def _form(self) -> StudioForm:
        return StudioForm(self.services)

    async def _view(self, request: Request, principal: Principal, video_id: str) -> VideoView:
        services = self.services
        record = await self.run(services.videos.record, principal, video_id)
        t, now = self.translations(request), self.console.clock()
        installed = installed_checks(await self.run(services.videos.coverage))
        return video_view(record.video, record, t, services.taxonomy, now=now, installed=installed)

    async def _recent_cards(self, request: Request, principal: Principal) -> list[VideoCard]:
        recent = await self.run(
            self.services.videos.find, principal, VideoFilter(), after=None, limit=RECENT_VIDEOS
        )
        t, now = self.translations(request), self.console.clock()
        return [video_card(video, now, t) for video in recent.items]

    async def _render_outcome(
        self,
        request: Request,
        principal: Principal,
        form: dict[str, str],
        outcome: dict[str, Any],
        status: int,
    ) -> Response:
        if self.wants_fragment(request):
            values = {"video": None, "problem": None, **outcome}
            return await self.render_page(request, "fragment.html", principal, status, **values)
        return await self._render_studio(request, principal, form, outcome, status)

    async def _render_studio(
        self,
        request: Request,
        principal: Principal,
        form: dict[str, str],
        outcome: dict[str, Any],
        status: int = 200,
    ) -> Response:
        t, services = self.translations(request), self.services
        values: dict[str, Any] = {
            "form": form,
            "form_id": new_form_id(),
            "a": load_messages("advice", t.tag),
            "c": load_messages("consents", t.tag),
            "kinds": [kind.value for kind in UseKind],
            "use": {name: form.get(field, "") for name, field in USE_FIELDS.items()},
            "options": self._form.options(t),
            "cards": await self._recent_cards(request, principal),
            "max_prompt_chars": services.max_prompt_chars,
            "video": None,
            "checks": {"check": None, "problem": None},
            "can_check": services.checks is not None and principal.has_scope(KeyScope.CHECKS),
            "providers": list_providers(),
            "examples": (),
            "text_checks": describe_installed_text(await self.run(services.videos.coverage), t),
            **outcome,
        }
        return await self.render_page(request, "studio.html", principal, status, **values)
