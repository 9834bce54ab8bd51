"""The page of people and roles, under Settings."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField, NotFound, SafelightError
from safelight.trust.accounts import ROLES, KeyScope, Principal, Role
from safelight.trust.people import (
    LANGUAGES,
    DisabledPerson,
    Invitation,
    NewPerson,
    People,
    Person,
    PersonState,
)
from safelight.web.consent_call import base_url

from .handler import PageHandler
from .people_texts import describe_problem, people_texts
from .translations import Translations, format_date, format_datetime


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
