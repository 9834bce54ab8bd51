"""The page with the statements about a video."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from safelight.i18n import load_messages
from safelight.policy.explanations import ExplanationLevel
from safelight.trust.accounts import Principal
from safelight.trust.statements import Statement, StatementQuery, describe
from safelight.web.video_facts import valid_video_id

from .formatting import format_datetime, format_iso
from .handler import PageHandler
from .translations import Translations


class StatementPages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        video_id = valid_video_id(request.path_params["video_id"])
        await self.run(self.services.videos.get, principal, video_id)
        page = await self.run(self.services.statements.find, principal, StatementQuery(video_id=video_id))
        t = self.translations(request)
        return await self.render_page(
            request,
            "statements.html",
            principal,
            video_id=video_id,
            statements=[_view(statement, t) for statement in page.statements],
        )


def _view(statement: Statement, t: Translations) -> Mapping[str, object]:
    """What the page shows of a statement: labels and paragraphs, with the decision as the heading."""
    text = describe(statement, level=ExplanationLevel.DEVELOPER, language=t.tag)
    label = load_messages("statements", t.tag)
    rows = [
        (label("label.reason"), text.reason),
        (label("label.decided_by"), text.decided_by),
        (label("label.scope"), text.scope),
        (label("label.objection"), text.objection),
    ]
    return {
        "id": statement.id,
        "decision": text.decision,
        "at": format_datetime(statement.at, t),
        "iso": format_iso(statement.at),
        "rows": [(name, paragraph) for name, paragraph in rows if paragraph],
    }
