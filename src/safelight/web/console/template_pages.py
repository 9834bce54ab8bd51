"""Pages of the prompt templates: all of them, and one with its slots, its review and its videos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.core.envelopes import format_iso
from safelight.core.errors import InvalidField, NotFound, RequestBlocked, SafelightError
from safelight.core.i18n import Messages, load_messages
from safelight.core.ids import is_id
from safelight.videos.library import EntryQuery, EntryStatus, LibraryEntry, NewEntry
from safelight.videos.models import Video
from safelight.videos.requests.request import CreateRequest
from safelight.videos.templates import RenderedPrompt, Template, TemplateCall, TemplateState, Validation
from safelight.web.create_request import read_version, require_writable
from safelight.web.translations import Translations, format_datetime
from safelight_client.money import format_money

from .form_key import form_key, new_form_id
from .render import Form, PageHandler, find_refused, input_of
from .studio import StudioForm
from .video_card import video_card

ENTRIES_PER_PAGE = 48
_MAX_QUERY_CHARACTERS = 400
TEMPLATES_PER_PAGE = 50
TONES = {
    TemplateState.DRAFT: "none",
    TemplateState.REVIEW: "hold",
    TemplateState.APPROVED: "allow",
    TemplateState.RETIRED: "none",
}
#: Prefix of the form fields with the values of slots.
_SLOT = "slot."
EXAMPLE = """template: cook-at-work
about: One adult who cooks, in soft light.
text: "A [POSITIVE_EMOTION] [ADULT_DESCRIPTOR] cook prepares [DISH], [LIGHTING_STYLE]."
slots:
  POSITIVE_EMOTION: {type: positive_emotion}
  ADULT_DESCRIPTOR: {type: adult_descriptor}
  DISH: {values: [noodles, dumplings, a vegetable soup]}
  LIGHTING_STYLE: {type: lighting_style}
"""

# Pages of the library of proven prompts: the search, and one entry with its variations.


class LibraryPages(PageHandler):
    refusals = (SafelightError,)

    async def add(self, request: Request, principal: Principal) -> Response:
        """Add the prompt of a video and open its page."""
        added = await self.submit(request, principal, _new_entry, self.services.library.add)
        return self.redirect(f"/library/{added.id}")

    async def show_one(self, request: Request, principal: Principal) -> Response:
        entry = await self.run(self.services.library.get, principal, _entry_id(request))
        variations = await self.run(self.services.library.variations, principal, entry.id)
        t = self.translations(request)
        m = load_messages("prompts", t.tag)
        return await self.render_page(
            request,
            "library_entry.html",
            principal,
            m=m,
            entry=entry,
            card=await self._card(principal, entry, t, m),
            proven=format_datetime(entry.proven_at, t) if entry.proven_at else None,
            status_text=m(f"entry.status_text.{entry.status.value}"),
            original=await self._original(principal, entry),
            variations=[await self._card(principal, each, t, m) for each in variations],
            studio=f"/?{urlencode({'prompt': entry.prompt})}",
            may_write=principal.has_scope(KeyScope.VIDEOS_WRITE),
        )

    async def remove(self, request: Request, principal: Principal) -> Response:
        await self.run(self.services.library.remove, principal, _entry_id(request))
        return self.redirect("/library")

    async def show(self, request: Request, principal: Principal) -> Response:
        """The search. Query: `q` (words), `category`, `marked` (only entries to be validated again)."""
        query = request.query_params
        words, category = query.get("q", "")[:_MAX_QUERY_CHARACTERS], query.get("category", "")[:80]
        require_writable(words + category + query.get("after", "")[:80], "q")
        library, t = self.services.library, self.translations(request)
        m = load_messages("prompts", t.tag)
        wanted = EntryQuery(
            words=words,
            category=category or None,
            needs_validation=query.get("marked") == "1",
            after=query.get("after") or None,
            limit=ENTRIES_PER_PAGE,
        )
        found = await self.run(library.search, principal, wanted)
        address = {
            name: value
            for name, value in (("q", words), ("category", category), ("marked", query.get("marked", "")[:1]))
            if value
        }
        return await self.render_page(
            request,
            "library.html",
            principal,
            m=m,
            cards=[await self._card(principal, entry, t, m) for entry in found.items],
            first=wanted.after is None,
            start=f"/library?{urlencode(address)}",
            more=f"/library?{urlencode({**address, 'after': found.items[-1].id})}"
            if found.has_more
            else None,
            words=words,
            category=category,
            categories=await self.run(library.categories, principal),
            marked=wanted.needs_validation,
            filtered=bool(words or category or wanted.needs_validation),
            form={"video_id": query.get("video", "")[:80], **find_refused(request)[1]},
            may_write=principal.has_scope(KeyScope.VIDEOS_WRITE),
        )

    async def _card(
        self, principal: Principal, entry: LibraryEntry, t: Translations, m: Messages
    ) -> dict[str, Any]:
        """An entry as a card, with the picture of its last video while that exists."""
        video = await self._video(principal, entry.last_video_id)
        shown = video_card(video, self.console.clock(), t) if video else None
        return {
            "href": f"/library/{entry.id}",
            "thumbnail_url": shown.thumbnail_url if shown else None,
            "tone": "allow" if entry.status is EntryStatus.PROVEN else "hold",
            "status": m(f"entry.status.{entry.status.value}"),
            "prompt": entry.prompt,
            "facts": [entry.category, *([entry.model] if entry.model else [])],
        }

    async def _video(self, principal: Principal, video_id: str | None) -> Video | None:
        if video_id is None:
            return None
        try:
            return await self.run(self.services.videos.get, principal, video_id)
        except NotFound:
            # The video was deleted; its prompt stays proven.
            return None

    async def _original(self, principal: Principal, entry: LibraryEntry) -> LibraryEntry | None:
        if entry.variation_of is None:
            return None
        return await self.run(self.services.library.get, principal, entry.variation_of)


def _new_entry(form: Form) -> NewEntry:
    for name, value in form.items():
        require_writable(value, name)
    return input_of(
        NewEntry,
        form,
        video_id=_video_id(form.get("video_id", "")),
        variation_of=form.get("variation_of", "").strip() or None,
    )


def _entry_id(request: Request) -> str:
    given: str = request.path_params["entry_id"]
    if not is_id(given, "entry"):
        raise NotFound("There is no such library entry.", param="entry_id")
    return given


def _video_id(given: str) -> str:
    """The id in a field that may also have the address of the page of a video."""
    return given.strip().rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class _Preview:
    """The rendered prompt and the verdict of its check."""

    prompt: str
    verdict: str | None


class TemplatePages(PageHandler):
    refusals = (SafelightError,)

    async def add(self, request: Request, principal: Principal) -> Response:
        """Store a draft and open its page."""
        added = await self.submit(request, principal, _read_source, self.services.templates.add)
        return self.redirect(_address(added.name, added.version))

    async def show(self, request: Request, principal: Principal) -> Response:
        found = await self._find(request, principal)
        return await self._render_one(request, principal, found, {})

    async def use(self, request: Request, principal: Principal) -> Response:
        """Show the prompt with its verdict, or request a video with it."""
        form = await self.read_form(request)
        found, values = await self._find(request, principal), _slot_values(form)
        # An empty field of a slot that is not required leaves the slot to its default.
        optional = {slot.name for slot in found.document.slots if not slot.required}
        given = {name: each for name, each in values.items() if each or name not in optional}
        for each in given.values():
            require_writable(each, "values")
        call = TemplateCall(name=found.name, version=found.version, values=given)
        try:
            rendered = await self.run(self.services.templates.render, principal, call)
            if form.get("action") == "create":
                return await self._create(principal, rendered, form)
            preview = await self._check(principal, rendered)
        except RequestBlocked as blocked:
            return self.redirect(f"/videos/{blocked.details['video_id']}")
        return await self._render_one(request, principal, found, values, preview=preview)

    async def change(self, request: Request, principal: Principal) -> Response:
        """Submit, approve or retire one version."""
        form = await self.read_form(request)
        found = await self._find(request, principal)
        templates = self.services.templates
        steps = {"submit": templates.submit, "approve": templates.approve, "retire": templates.retire}
        if form.get("action") not in steps:
            raise InvalidField("This action is unknown.", param="action")
        await self.run(steps[form["action"]], principal, found.name, found.version)
        return self.redirect(_address(found.name, found.version))

    async def _create(
        self, principal: Principal, rendered: RenderedPrompt, form: Mapping[str, str]
    ) -> Response:
        asked = CreateRequest(
            prompt=rendered.text,
            template=rendered.use,
            model=form.get("model") or None,
            idempotency_key=form_key(form),
        )
        video = await self.run(self.services.videos.create, principal, asked)
        return self.redirect(f"/videos/{video.id}")

    async def _check(self, principal: Principal, rendered: RenderedPrompt) -> _Preview:
        checks = self.services.checks
        if checks is None or not principal.has_scope(KeyScope.CHECKS):
            return _Preview(prompt=rendered.text, verdict=None)
        asked = CreateRequest(prompt=rendered.text, template=rendered.use)
        found, _, _ = await self.run(checks.check, principal, asked, estimates_risk=False)
        return _Preview(prompt=rendered.text, verdict=found.verdict)

    async def show_again(
        self, request: Request, principal: Principal, problem: SafelightError, form: Form
    ) -> Response:
        if not request.path_params:
            return await self.list(request, principal, source=_typed_source(form))
        found = await self._find(request, principal)
        return await self._render_one(request, principal, found, _slot_values(form))

    async def _find(self, request: Request, principal: Principal) -> Template:
        given = request.path_params.get("version") or request.query_params.get("version", "")
        name = request.path_params["name"]
        require_writable(name, "name")
        try:
            number = read_version(given)
        except InvalidField:
            raise NotFound(f"There is no version {given[:20]!r} of a template {name[:80]!r}.") from None
        return await self.run(self.services.templates.get, principal, name, number)

    async def list(self, request: Request, principal: Principal, *, source: str = EXAMPLE) -> Response:
        m = load_messages("prompts", self.translations(request).tag)
        after = request.query_params.get("after") or None
        require_writable(after or "", "after")
        page = await self.run(
            partial(self.services.templates.list, after=after, limit=TEMPLATES_PER_PAGE), principal
        )
        return await self.render_page(
            request,
            "templates.html",
            principal,
            m=m,
            rows=[_row(each, m) for each in page.items],
            first=after is None,
            more=f"/templates?after={page.items[-1].id}" if page.has_more else None,
            may_add=principal.has_scope(KeyScope.VIDEOS_WRITE),
            source=source,
        )

    async def _render_one(
        self,
        request: Request,
        principal: Principal,
        template: Template,
        values: dict[str, str],
        *,
        preview: _Preview | None = None,
    ) -> Response:
        services, t = self.services, self.translations(request)
        m = load_messages("prompts", t.tag)
        validations = await self.run(
            services.templates.validations, principal, template.name, template.version
        )
        versions = await self.run(services.templates.versions, principal, template.name)
        return await self.render_page(
            request,
            "template.html",
            principal,
            m=m,
            row=_row(template, m),
            document=template.document,
            source=template.source,
            created=format_datetime(template.created_at, t),
            versions=[
                {
                    "href": _address(template.name, each.version),
                    "version": each.version,
                    "tone": TONES[each.state],
                    "state": m(f"template.state.{each.state.value}"),
                }
                for each in versions
            ],
            slots=[(slot, values.get(slot.name, "")) for slot in template.document.slots],
            models=StudioForm(services).priced_models(t),
            form_id=new_form_id(),
            preview=preview,
            actions=_actions(template, principal),
            is_author=principal.id == template.author,
            is_usable=template.state is not TemplateState.RETIRED,
            may_create=principal.has_scope(KeyScope.VIDEOS_WRITE),
            validations=[_validation_row(each, t, m) for each in validations],
        )


def _typed_source(form: Form) -> str:
    return form.get("source", "").replace("\r\n", "\n")


def _read_source(form: Form) -> str:
    source = _typed_source(form)
    require_writable(source, "source")
    return source


def _slot_values(form: Form) -> dict[str, str]:
    return {name.removeprefix(_SLOT): each for name, each in form.items() if name.startswith(_SLOT)}


def _address(name: str, version: int) -> str:
    return f"/templates/{quote(name)}?version={version}"


def _row(template: Template, m: Messages) -> dict[str, Any]:
    return {
        "href": _address(template.name, template.version),
        "name": template.name,
        "version": template.version,
        "about": template.document.about,
        "language": template.document.language,
        "tone": TONES[template.state],
        "state": m(f"template.state.{template.state.value}"),
        "author": template.author_name,
        "approver": template.approver_name,
        "no_approver": template.no_eligible_approver,
    }


def _actions(template: Template, principal: Principal) -> list[str]:
    """The steps that this person may take now."""
    is_author, may_review = principal.id == template.author, principal.has_scope(KeyScope.REVIEW)
    found = []
    if template.state is TemplateState.DRAFT and principal.has_scope(KeyScope.VIDEOS_WRITE):
        found.append("submit")
    if template.state is TemplateState.REVIEW and may_review and not is_author:
        found.append("approve")
    if template.state is not TemplateState.RETIRED and (is_author or may_review):
        found.append("retire")
    return found


def _validation_row(found: Validation, t: Translations, m: Messages) -> dict[str, Any]:
    key = f"outcome.{found.outcome}"
    return {
        "href": f"/videos/{found.video_id}",
        "prompt": found.prompt,
        "model": found.model,
        "time": format_datetime(found.created_at, t),
        "iso": format_iso(found.created_at),
        "outcome": m(key) if m.has(key) else found.outcome,
        "tone": {"delivered": "allow", "held": "hold", "failed": "error"}.get(
            found.outcome, "block" if found.error_code else "none"
        ),
        "charge": _format_charge(found, m),
    }


def _format_charge(found: Validation, m: Messages) -> str:
    charge = found.charge
    if charge is None:
        return "–"
    if charge["charged"] == "yes" and charge.get("amount") is not None:
        return format_money(float(charge["amount"]), str(charge["currency"]))
    return m("charge.no") if charge["charged"] == "no" else m("charge.unknown")
