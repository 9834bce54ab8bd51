"""The page of people and roles, under Settings."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import (
    Conflict,
    InvalidField,
    NotFound,
    RateLimited,
    SafelightError,
    Unauthenticated,
    Unavailable,
)
from safelight.i18n import Messages, load_messages
from safelight.trust.accounts import ROLES, KeyScope, Principal, Role, SessionRecord
from safelight.trust.people import (
    LANGUAGES,
    DisabledPerson,
    Invitation,
    NewPerson,
    People,
    Person,
    PersonState,
)
from safelight.trust.people.passwords import MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS
from safelight.web.auth import COOKIE
from safelight.web.consent_call import base_url

from .render import PageHandler, store_language
from .services import PeopleServices
from .translations import Translations, format_date, format_datetime

# Texts of the pages for people, and how their problems are worded.

#: The message of a problem with one field.
_FIELDS = {
    "password": "error.password",
    "code": "error.code",
    "email": "error.email",
    "name": "error.person_name",
}


def people_texts(t: Translations) -> Messages:
    """The texts in the language of the page."""
    return load_messages("people", t.tag)


#: The message of a problem of the sign-in through a provider.
_OPENID = {"openid", "openid_cancelled", "openid_state", "openid_person", "openid_groups"}


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


class PeoplePages(PageHandler):
    """Handlers of the page of people; they need the scope `people`."""

    async def show(self, request: Request, principal: Principal) -> Response:
        return await self._render_people(request, principal)

    async def add(self, request: Request, principal: Principal) -> Response:
        """Add a person. The link of the invitation is shown once, on the response page."""
        form = await self.read_form(request)
        try:
            new = NewPerson(
                name=form.get("name", ""),
                email=form.get("email", ""),
                role=_parse_role(form),
                language=form.get("language", "en"),
            )
            invitation = await self.run(self._people.add, principal, new)
        except SafelightError as problem:
            return await self._render_people(request, principal, problem=problem, form=form)
        return await self._render_people(request, principal, invitation=invitation)

    async def change(self, request: Request, principal: Principal) -> Response:
        """Change a role, disable a person, or invite the person again."""
        person = request.path_params["person_id"]
        form = await self.read_form(request)
        try:
            if form.get("action") == "reset":
                invitation = await self.run(self._people.reset, principal, person)
                return await self._render_people(request, principal, invitation=invitation)
            if form.get("action") == "disable":
                done = await self.run(self._people.disable, principal, person)
                if done.revoked_keys or done.kept_keys:
                    return await self._render_people(request, principal, disabled=done)
            else:
                await self.run(self._people.change_role, principal, person, _parse_role(form))
        except NotFound:
            raise
        except SafelightError as problem:
            return await self._render_people(request, principal, problem=problem)
        return self.redirect("/settings/people")

    @property
    def _people(self) -> People:
        if self.console.people is None:
            raise NotFound("This server has no accounts of people.")
        return self.console.people.people

    async def _render_people(
        self,
        request: Request,
        principal: Principal,
        *,
        problem: SafelightError | None = None,
        invitation: Invitation | None = None,
        disabled: DisabledPerson | None = None,
        form: dict[str, str] | None = None,
    ) -> Response:
        t = self.translations(request)
        p = people_texts(t)
        people = await self.run(self._people.list, principal)
        return await self.render_page(
            request,
            "people.html",
            principal,
            problem.status if problem else 200,
            p=p,
            people=[_person_row(person, principal, t) for person in people],
            roles=[role.value for role in Role],
            scopes={role.value: _scope_names(role) for role in Role},
            page_languages=LANGUAGES,
            may_see_settings=principal.has_scope(KeyScope.ADMIN),
            problem=describe_problem(problem, p) if problem else "",
            form=form or {},
            disabled=None
            if disabled is None
            else {
                "name": disabled.person.name,
                "revoked_keys": [key.name for key in disabled.revoked_keys],
                "kept_keys": [key.name for key in disabled.kept_keys],
            },
            invitation=None
            if invitation is None
            else {
                "name": invitation.person.name,
                "email": invitation.person.email,
                "link": f"{base_url(request)}{invitation.path}",
                "until": format_datetime(invitation.expires_at, t),
            },
        )


def _person_row(person: Person, principal: Principal, t: Translations) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "role": person.role.value,
        "state": person.state.value,
        "is_disabled": person.state is PersonState.DISABLED,
        "is_self": person.id == principal.id,
        "added": format_date(person.created_at, t),
    }


def _scope_names(role: Role) -> list[str]:
    return [scope.value for scope in KeyScope if scope in ROLES[role].scopes]


def _parse_role(form: dict[str, str]) -> Role:
    try:
        return Role(form.get("role", ""))
    except ValueError:
        raise InvalidField(
            f"{form.get('role', '')[:40]!r} is not a role.",
            param="role",
            remedy=f"Send one of: {', '.join(Role)}.",
        ) from None
