"""Pages of the library of proven prompts: the search, and one entry with its variations."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import NotFound, SafelightError
from safelight.i18n import Messages, load_messages
from safelight.ids import is_id
from safelight.jobs.models import Video
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.library import EntryQuery, EntryStatus, LibraryEntry, NewEntry
from safelight.web.create_request import require_writable

from .handler import PageHandler
from .translations import Translations, format_datetime
from .video_card import video_card

ENTRIES_PER_PAGE = 48
_MAX_QUERY_CHARACTERS = 400


class LibraryPages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        """The search. Query: `q` (words), `category`, `marked` (only entries to be validated again)."""
        return await self._render_search(request, principal, {})

    async def add(self, request: Request, principal: Principal) -> Response:
        """Add the prompt of a video and open its page."""
        form = await self.read_form(request)
        try:
            for name, value in form.items():
                require_writable(value, name)
            new = NewEntry(
                video_id=_video_id(form.get("video_id", "")),
                category=form.get("category", ""),
                notes=form.get("notes", ""),
                variation_of=form.get("variation_of", "").strip() or None,
            )
            added = await self.run(self.services.library.add, principal, new)
        except SafelightError as problem:
            return await self._render_search(request, principal, form, problem=problem)
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

    async def _render_search(
        self,
        request: Request,
        principal: Principal,
        form: dict[str, str],
        *,
        problem: SafelightError | None = None,
    ) -> Response:
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
            problem.status if problem else 200,
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
            form={"video_id": query.get("video", "")[:80], **form},
            problem=problem,
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


def _entry_id(request: Request) -> str:
    given: str = request.path_params["entry_id"]
    if not is_id(given, "entry"):
        raise NotFound("There is no such library entry.", param="entry_id")
    return given


def _video_id(given: str) -> str:
    """The id in a field that may also have the address of the page of a video."""
    return given.strip().rstrip("/").rpartition("/")[2]
