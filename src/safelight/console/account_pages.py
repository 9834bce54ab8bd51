"""The page of one's own account: language, password and authenticator, sessions."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import NotFound, SafelightError
from safelight.i18n import load_messages
from safelight.trust.accounts import Principal, SessionRecord
from safelight.trust.people import LANGUAGES, Person
from safelight.web.auth import COOKIE

from .handler import PageHandler
from .login import store_language
from .people_texts import describe_problem, people_texts
from .services import PeopleServices
from .translations import Translations, format_datetime


class AccountPages(PageHandler):
    """Handlers of the account page. Each person with a session may open it and sees only their own."""

    async def show(self, request: Request, principal: Principal) -> Response:
        return await self._render_account(request, principal)

    async def change_language(self, request: Request, principal: Principal) -> Response:
        """Store the language, here and in this browser."""
        language = (await self.read_form(request)).get("language", "")
        await self.run(self._people.people.set_language, principal, language)
        response = self.redirect("/account")
        store_language(response, language)
        return response

    async def change_proofs(self, request: Request, principal: Principal) -> Response:
        """After the password was confirmed, lead to the page that sets a new password and authenticator."""
        password = (await self.read_form(request)).get("password", "")
        try:
            invitation = await self.run(self._people.sign_in.begin_change, principal, password)
        except SafelightError as problem:
            return await self._render_account(request, principal, problem=problem)
        return self.redirect(invitation.path)

    async def choose_mails(self, request: Request, principal: Principal) -> Response:
        """Switch mails about cases on or off for this reviewer."""
        wanted = (await self.read_form(request)).get("mails") == "on"
        await self.run(partial(self.services.review_queue.choose_mails, principal, wanted=wanted))
        return self.redirect("/account")

    async def end_session(self, request: Request, principal: Principal) -> Response:
        session = request.path_params["session_id"]
        await self.run(self.services.accounts.sessions.end_one, principal, session)
        return self.redirect("/account")

    @property
    def _people(self) -> PeopleServices:
        if self.console.people is None:
            raise NotFound("This server has no accounts of people.")
        return self.console.people

    async def _render_account(
        self, request: Request, principal: Principal, *, problem: SafelightError | None = None
    ) -> Response:
        t = self.translations(request)
        p, sessions = people_texts(t), self.services.accounts.sessions
        person: Person | None = None
        if principal.role is not None and self.console.people is not None:
            person = await self.run(self.console.people.people.get, principal.tenant, principal.id)
        mails: bool | None = None
        if person is not None and principal.review_rank and self.services.reports.sends_mail:
            mails = (await self.run(self.services.review_queue.preferences, principal)).mails
        current = await self.run(sessions.identify, request.cookies.get(COOKIE, ""))
        opened = await self.run(sessions.list, principal)
        return await self.render_page(
            request,
            "account.html",
            principal,
            problem.status if problem else 200,
            p=p,
            a=load_messages("accounts", t.tag),
            person=person,
            mails=mails,
            name=principal.name,
            page_languages=LANGUAGES,
            problem=describe_problem(problem, p, unauthenticated="error.wrong_password") if problem else "",
            sessions=[_session_row(each, current, t) for each in opened],
        )


def _session_row(session: SessionRecord, current: str, t: Translations) -> dict[str, Any]:
    return {
        "id": session.id,
        "browser": session.browser,
        "is_current": session.id == current,
        "created_at": format_datetime(session.created_at, t),
        "last_used_at": format_datetime(session.last_used_at, t),
    }
