"""The page of people and roles, under Settings."""

from __future__ import annotations

import math
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import ROLES, KeyScope, Principal, Role
from safelight.accounts.people import (
    LANGUAGES,
    DisabledPerson,
    Invitation,
    NewPerson,
    People,
    Person,
)
from safelight.accounts.people.passwords import MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS
from safelight.core.errors import (
    Conflict,
    InvalidField,
    NotFound,
    RateLimited,
    SafelightError,
    Unauthenticated,
    Unavailable,
)
from safelight.core.i18n import Messages, load_messages
from safelight.web.auth import COOKIE
from safelight.web.consent_call import base_url
from safelight.web.translations import Translations

from .render import NOTHING_TYPED, Form, PageHandler, find_refused, input_of, store_language
from .services import PeopleServices

#: The message of a problem with one field.
_FIELDS = {
    "password": "error.password",
    "code": "error.code",
    "email": "error.email",
    "name": "error.person_name",
}
#: The message of a problem of the sign-in through a provider.
_OPENID = {"openid", "openid_cancelled", "openid_state", "openid_person", "openid_groups"}

# Texts of the pages for people, and how their problems are worded.


def people_texts(t: Translations) -> Messages:
    """The texts in the language of the page."""
    return load_messages("people", t.tag)


def describe_problem(
    problem: SafelightError, p: Messages, *, unauthenticated: str = "error.sign_in", provider: str = ""
) -> str:
    """The problem in the language of the page; in English if this page does not expect it."""
    if isinstance(problem, RateLimited):
        return p("error.limited", minutes=max(1, math.ceil((problem.retry_after_s or 60) / 60)))
    if problem.param in _OPENID:
        return p(f"error.{problem.param}", name=provider)
    if provider and isinstance(problem, Unavailable):
        return p("error.openid_down", name=provider)
    if isinstance(problem, Unauthenticated):
        return p(unauthenticated)
    if isinstance(problem, InvalidField) and problem.param in _FIELDS:
        return p(_FIELDS[problem.param], min=MIN_PASSWORD_CHARACTERS, max=MAX_PASSWORD_CHARACTERS)
    if isinstance(problem, Conflict):
        return p(_conflict(problem))
    return str(problem)


def _conflict(problem: Conflict) -> str:
    if problem.param == "email":
        return "error.known"
    return "error.last_owner" if problem.remedy else "error.already"


class AccountPages(PageHandler):
    """Handlers of the account page. Each person with a session may open it and sees only their own."""

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
            # Not a refusal: the password that was typed is not shown again.
            request.state.refused = problem, NOTHING_TYPED
            return await self.show(request, principal)
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

    async def show(self, request: Request, principal: Principal) -> Response:
        problem, _ = find_refused(request)
        p, sessions = people_texts(self.translations(request)), self.services.accounts.sessions
        person: Person | None = None
        if principal.role is not None and self.console.people is not None:
            person = await self.run(self.console.people.people.get, principal.tenant, principal.id)
        mails: bool | None = None
        if person is not None and principal.review_rank and self.services.reports.sends_mail:
            mails = (await self.run(self.services.review_queue.preferences, principal)).mails
        return await self.render_page(
            request,
            "account.html",
            principal,
            alert=describe_problem(problem, p, unauthenticated="error.wrong_password") if problem else "",
            person=person,
            mails=mails,
            name=principal.name,
            page_languages=LANGUAGES,
            current=await self.run(sessions.identify, request.cookies.get(COOKIE, "")),
            sessions=await self.run(sessions.list, principal),
        )


class PeoplePages(PageHandler):
    """Handlers of the page of people; they need the scope `people`."""

    refusals = (SafelightError,)

    async def add(self, request: Request, principal: Principal) -> Response:
        """Add a person. The link of the invitation is shown once, on the response page."""
        invitation = await self.submit(request, principal, _new_person, self._people.add)
        return await self.show(request, principal, invitation=invitation)

    async def change(self, request: Request, principal: Principal) -> Response:
        """Change a role, disable a person, or invite the person again."""
        person = request.path_params["person_id"]
        form = await self.read_form(request)
        if form.get("action") == "reset":
            invitation = await self.run(self._people.reset, principal, person)
            return await self.show(request, principal, invitation=invitation)
        if form.get("action") == "disable":
            done = await self.run(self._people.disable, principal, person)
            if done.revoked_keys or done.kept_keys:
                return await self.show(request, principal, disabled=done)
        else:
            await self.run(self._people.change_role, principal, person, _parse_role(form))
        return self.redirect("/settings/people")

    @property
    def _people(self) -> People:
        if self.console.people is None:
            raise NotFound("This server has no accounts of people.")
        return self.console.people.people

    async def show(
        self,
        request: Request,
        principal: Principal,
        *,
        invitation: Invitation | None = None,
        disabled: DisabledPerson | None = None,
    ) -> Response:
        problem, _ = find_refused(request)
        return await self.render_page(
            request,
            "people.html",
            principal,
            alert=describe_problem(problem, people_texts(self.translations(request))) if problem else "",
            people=await self.run(self._people.list, principal),
            own_id=principal.id,
            roles=ROLES,
            scopes=KeyScope,
            page_languages=LANGUAGES,
            may_see_settings=principal.has_scope(KeyScope.ADMIN),
            disabled=disabled,
            invitation=invitation,
            link=f"{base_url(request)}{invitation.path}" if invitation else "",
        )


def _new_person(form: Form) -> NewPerson:
    return input_of(NewPerson, form, role=_parse_role(form))


def _parse_role(form: Form) -> Role:
    try:
        return Role(form.get("role", ""))
    except ValueError:
        raise InvalidField(
            f"{form.get('role', '')[:40]!r} is not a role.",
            param="role",
            remedy=f"Send one of: {', '.join(Role)}.",
        ) from None
