"""The pages with the statements about a video, and with all statements to a person."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from safelight.i18n import load_messages
from safelight.policy.explanations import ExplanationLevel
from safelight.trust.accounts import Principal
from safelight.trust.appeals import BY_REQUESTER
from safelight.trust.statements import Statement, StatementQuery, describe
from safelight.web.video_facts import valid_video_id

from .handler import PageHandler
from .translations import Translations, format_datetime, format_iso

_MAX_OWN = 20


class StatementPages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        """The statements about one video."""
        video_id = valid_video_id(request.path_params["video_id"])
        await self.run(self.services.videos.get, principal, video_id)
        return await self._render(request, principal, StatementQuery(video_id=video_id))

    async def show_own(self, request: Request, principal: Principal) -> Response:
        """All statements to this person, about videos and about the account."""
        wanted = StatementQuery(after=request.query_params.get("after"), limit=_MAX_OWN)
        return await self._render(request, principal, wanted)

    async def _render(self, request: Request, principal: Principal, wanted: StatementQuery) -> Response:
        page = await self.run(self.services.statements.find, principal, wanted)
        t, now = self.translations(request), self.console.clock()
        may_appeal = wanted.video_id is None or await self.run(
            self.services.appeals.may_appeal, principal, wanted.video_id
        )
        last = page.items[-1].id if page.items else ""
        return await self.render_page(
            request,
            "statements.html",
            principal,
            a=load_messages("accounts", t.tag),
            video_id=wanted.video_id,
            statements=[_view(statement, t, now, may_appeal=may_appeal) for statement in page.items],
            next_page=f"/account/statements?after={last}" if page.has_more and not wanted.video_id else "",
            is_later_page=wanted.after is not None,
        )


def _view(statement: Statement, t: Translations, now: float, *, may_appeal: bool) -> Mapping[str, object]:
    """What the page shows of a statement: labels and paragraphs, with the decision as the heading."""
    text = describe(statement, level=ExplanationLevel.DEVELOPER, language=t.tag)
    label = load_messages("statements", t.tag)
    rows = [
        (label("label.reason"), text.reason),
        (label("label.decided_by"), text.decided_by),
        (label("label.scope"), text.scope),
        (label("label.objection"), text.objection),
    ]
    content, until = statement.content, statement.objection_until
    may_appeal = may_appeal and content.kind in BY_REQUESTER and until is not None and until > now
    return {
        "video_id": content.video_id or "",
        "appeal_until": format_datetime(until, t) if may_appeal and until is not None else "",
        "id": statement.id,
        "decision": text.decision,
        "at": format_datetime(statement.at, t),
        "iso": format_iso(statement.at),
        "rows": [(name, paragraph) for name, paragraph in rows if paragraph],
    }
