"""The page of one account, end user or the tenant: its terms, quotas, charges and standing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.accounts.models import TENANT_SUBJECT, account_subject, end_user_subject, split_subject
from safelight.accounts.standing import Standing
from safelight.accounts.terms import NUMBERS, Terms, normalize_context
from safelight.core.errors import Conflict, InvalidField, SafelightError
from safelight.policy.intended_use import UseKind, normalize_territory
from safelight.policy.verdicts import Audience

from .render import NOTHING_TYPED, Form, PageHandler

_PATH = "/compliance/accounts"
_KINDS = ("end_user", "account", "tenant")


class AccountTermsPages(PageHandler):
    """Handlers of the page; they need the scope `admin`."""

    refusals = (SafelightError,)

    async def show(self, request: Request, principal: Principal) -> Response:
        query = request.query_params
        kind = query.get("kind", "")
        identity = _identity(kind, query.get("id", ""))
        if kind not in _KINDS or (not identity and kind != "tenant"):
            return await self._render(request, principal, form={"kind": kind, "id": identity})
        return await self._render(request, principal, subject=_subject(kind, identity))

    async def save(self, request: Request, principal: Principal) -> Response:
        """Replace the terms, unless another person changed them since the form was shown."""
        form = await self.read_form(request)
        subject, revision = _subject_of(form), int(_whole_number(form, "revision") or 0)
        await self.run(
            lambda: self.standing.terms.set(principal, subject, read_terms_form(form), revision=revision)
        )
        shown = {"kind": form["kind"], "id": form.get("id", ""), "saved": "yes"}
        return self.redirect(f"{_PATH}?{urlencode(shown)}")

    async def show_again(
        self, request: Request, principal: Principal, problem: SafelightError, form: Form
    ) -> Response:
        kept = NOTHING_TYPED if isinstance(problem, Conflict) else form
        return await self._render(request, principal, subject=_subject_of(form), problem=problem, form=kept)

    async def _render(
        self,
        request: Request,
        principal: Principal,
        *,
        subject: str | None = None,
        problem: SafelightError | None = None,
        form: Form = NOTHING_TYPED,
    ) -> Response:
        shown = form
        about: dict[str, Any] | None = None
        if subject is not None:
            try:
                about = await self._load(principal, subject)
            except InvalidField as invalid:
                problem = invalid
            else:
                # A refused form keeps its values, and the revision that it was made for.
                shown = {**about["values"], **shown}
        return await self.render_page(
            request,
            "account_terms.html",
            principal,
            problem=problem,
            kinds=_KINDS,
            audiences=Audience,
            uses=UseKind,
            keys=await self.run(self.services.accounts.list_keys, principal.tenant),
            numbers=NUMBERS,
            about=about,
            form=shown,
            is_conflict=isinstance(problem, Conflict),
            wrong_number=_find_wrong_number(problem, shown),
            saved=request.query_params.get("saved") == "yes" and problem is None,
        )

    async def _load(self, principal: Principal, subject: str) -> dict[str, Any]:
        """What is known about a subject. Raises `InvalidField`."""
        ours, (account, end_user) = self.standing, split_subject(subject)
        saved = await self.run(ours.terms.get, principal, subject)
        use = await self.run(ours.quotas.of_subject, principal, subject)
        kind = "tenant" if subject == TENANT_SUBJECT else "account" if account else "end_user"
        values = {name: "" if value is None else str(value) for name, value in asdict(saved.terms).items()}
        standing: Standing | None = None
        if principal.has_scope(KeyScope.REVIEW) and subject != TENANT_SUBJECT:
            standing = await self.run(ours.standings.of_subject, principal, subject)
        return {
            "name": account or end_user or "",
            "values": {
                **values,
                "commercial": {None: "", True: "yes", False: "no"}[saved.terms.commercial],
                "revision": str(saved.revision),
                "kind": kind,
                "id": account or end_user or "",
            },
            "standing": standing,
            "use": use,
            "spent": await self.run(ours.quotas.spent, principal) if subject == TENANT_SUBJECT else None,
        }


def _identity(kind: str, text: str) -> str:
    """The id in a field. That of an end user may begin or end with a space: a platform chooses it."""
    return text if kind == "end_user" else text.strip()


def _subject_of(form: Form) -> str:
    """The subject of a form. Raises `InvalidField`."""
    kind = form.get("kind", "")
    if kind not in _KINDS:
        raise InvalidField("kind must be tenant, account or end_user.", param="kind")
    return _subject(kind, _identity(kind, form.get("id", "")))


def _subject(kind: str, identity: str) -> str:
    if kind == "tenant":
        return TENANT_SUBJECT
    return account_subject(identity) if kind == "account" else end_user_subject(identity)


def read_terms_form(form: Mapping[str, str]) -> Terms:
    """The terms of a form. Raises `InvalidField`."""
    audience, use, territory = (form.get(name, "").strip() for name in ("audience", "use_kind", "territory"))
    if audience and audience not in list(Audience):
        raise InvalidField(f"{audience[:40]!r} is not an audience.", param="audience")
    if use and use not in list(UseKind):
        raise InvalidField(f"{use[:40]!r} is not a kind of use.", param="use_kind")
    return Terms(
        audience=Audience(audience) if audience else None,
        use_kind=UseKind(use) if use else None,
        commercial={"yes": True, "no": False}.get(form.get("commercial", "")),
        territory=normalize_territory(territory, "territory") if territory else None,
        context=normalize_context(form.get("context", "")),
        **{name: _whole_number(form, name) for name in NUMBERS},
    )


def _whole_number(form: Mapping[str, str], name: str) -> int | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    if not _is_whole_number(text):
        raise InvalidField(f"{name} must be a whole number or empty.", param=name)
    return int(text)


def _is_whole_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18


def _find_wrong_number(problem: SafelightError | None, form: Mapping[str, str]) -> str:
    """The field of a problem, if it has no whole number. Other problems, such as a number that is too
    large, are shown as they are.
    """
    name = problem.param if problem is not None else None
    is_wrong = name in NUMBERS and not _is_whole_number(form.get(name, "").strip())
    return name if name is not None and is_wrong else ""
