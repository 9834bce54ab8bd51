"""Pages on which a person appeals a decision: with an account, or as an end user with a link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Principal
from safelight.accounts.statements import Statement, StatementQuery, StatementText, describe
from safelight.cases.appeals import BY_REPORTER, BY_REQUESTER, Appeal
from safelight.core.envelopes import format_iso
from safelight.core.errors import Conflict, InvalidField, NotFound, SafelightError
from safelight.core.i18n import load_messages
from safelight.policy.explanations import ExplanationLevel
from safelight.web.translations import Translations, format_datetime
from safelight.web.video_facts import valid_video_id

from .render import Form, PageHandler

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
            statements=[
                _view(one, t, now, may_appeal=may_appeal, link=self._link(principal, one))
                for one in page.items
            ],
            next_page=f"/account/statements?after={last}" if page.has_more and not wanted.video_id else "",
            is_later_page=wanted.after is not None,
        )

    def _link(self, principal: Principal, one: Statement) -> str:
        """The page on which an account appeals the decision about its report; empty for other decisions."""
        is_own = one.content.kind in BY_REPORTER and one.content.end_user is None
        token = self.services.appeals.link_token(principal, one) if is_own else None
        return _link_address(token) if token else ""


def _view(
    statement: Statement, t: Translations, now: float, *, may_appeal: bool, link: str
) -> Mapping[str, object]:
    """What the page shows of a statement: labels and paragraphs, with the decision as the heading."""
    text = describe(statement, level=ExplanationLevel.DEVELOPER, language=t.tag)
    label = load_messages("statements", t.tag)
    rows = [
        (label("label.reason"), text.reason),
        (label("label.reply"), text.reply),
        (label("label.decided_by"), text.decided_by),
        (label("label.scope"), text.scope),
        (label("label.objection"), text.objection),
    ]
    content, until = statement.content, statement.objection_until
    may_appeal = bool(link) or (may_appeal and content.kind in BY_REQUESTER)
    may_appeal = may_appeal and not statement.is_appealed and until is not None and until > now
    return {
        "video_id": content.video_id or "",
        "appeal": link or f"/videos/{content.video_id}/appeal",
        "appeal_until": format_datetime(until, t) if may_appeal and until is not None else "",
        "id": statement.id,
        "decision": text.decision,
        "at": format_datetime(statement.at, t),
        "iso": format_iso(statement.at),
        "rows": [(name, paragraph) for name, paragraph in rows if paragraph],
    }


class AppealPages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        video_id = valid_video_id(request.path_params["video_id"])
        await self.run(self.services.videos.get, principal, video_id)
        return await self._render_form(request, principal, video_id, {})

    async def appeal(self, request: Request, principal: Principal) -> Response:
        """Store the appeal and show when its decision is due."""
        video_id = valid_video_id(request.path_params["video_id"])
        form = await self.read_form(request)
        text, reason = form.get("text", ""), form.get("on_behalf_reason")

        def add() -> Appeal:
            return self.services.appeals.add(principal, video_id, text=text, on_behalf_reason=reason)

        try:
            appeal = await self.run(add)
        except (InvalidField, Conflict) as problem:
            return await self._render_form(request, principal, video_id, form, problem=problem)
        return await self._render_received(request, principal, appeal)

    async def show_link(self, request: Request) -> Response:
        """The decision that an end user may appeal, as they read it; after that, the state of the appeal."""
        return await self._render_link(request, request.query_params.get("token", ""), {})

    async def appeal_by_link(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        form = await self.read_public_form(request)

        def send() -> Appeal:
            return self.services.appeals.send_by_link(token, text=form.get("text", ""))

        try:
            await self.run(send)
        except (InvalidField, Conflict) as problem:
            return await self._render_link(request, token, form, problem=problem)
        return self.redirect(_link_address(token))

    async def _render_link(
        self, request: Request, token: str, form: Form, *, problem: SafelightError | None = None
    ) -> Response:
        made, appeal, answer = await self.run(self.services.appeals.find_by_link, token)
        language = self.translations(request).tag
        if appeal is not None:
            told = None
            if answer is not None:
                told = describe(answer, level=ExplanationLevel.END_USER, language=language)
            response = await self._render_received(request, None, appeal, by_link=True, answer=told)
        else:
            address = _link_address(token)
            response = await self._render(
                request,
                None,
                form,
                problem,
                decided=describe(made, level=ExplanationLevel.END_USER, language=language),
                action=address,
                page_address=address,
            )
        # The address has a secret.
        response.headers["cache-control"] = "no-store"
        return response

    async def _render_received(
        self,
        request: Request,
        principal: Principal | None,
        appeal: Appeal,
        *,
        by_link: bool = False,
        answer: StatementText | None = None,
    ) -> Response:
        return await self.render_page(
            request,
            "appeal_received.html",
            principal,
            video_id=appeal.video_id,
            appeal_id=appeal.id,
            state=appeal.state.value,
            by_link=by_link,
            answer=answer,
            no_eligible_reviewer=appeal.no_eligible_reviewer,
            due=format_datetime(appeal.due_at, self.translations(request)),
        )

    async def _render_form(
        self,
        request: Request,
        principal: Principal,
        video_id: str,
        form: Form,
        *,
        problem: SafelightError | None = None,
    ) -> Response:
        try:
            needs_reason = await self.run(self.services.appeals.needs_reason, principal, video_id)
        except (NotFound, Conflict):
            # The answer to the form gives the reason.
            needs_reason = False
        return await self._render(
            request,
            principal,
            form,
            problem,
            needs_reason=needs_reason,
            video_id=video_id,
            action=f"/videos/{video_id}/appeal",
        )

    async def _render(
        self,
        request: Request,
        principal: Principal | None,
        form: Form,
        problem: SafelightError | None,
        **values: Any,
    ) -> Response:
        missing = ""
        if isinstance(problem, InvalidField):
            missing = "missing" if problem.param == "text" else "missing_reason"
        return await self.render_page(
            request,
            "appeal.html",
            principal,
            text=form.get("text", ""),
            reason=form.get("on_behalf_reason", ""),
            problem=problem,
            missing=missing,
            **{"decided": None, "needs_reason": False, "video_id": "", **values},
        )


def _link_address(token: str) -> str:
    return f"/appeal?{urlencode({'token': token})}"
