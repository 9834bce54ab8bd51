"""Renders templates with the values that every page needs, and serves static files."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from importlib.resources import files
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar, cast
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import NotFound, SafelightError, Unauthenticated
from safelight.policy.findings import Taxonomy
from safelight.policy.waivers import Waiver
from safelight.screening.coverage_table import describe_waiver_scope, waived_checks
from safelight.web.auth import (
    COOKIE,
    Access,
    AppState,
    Endpoint,
    check_same_origin,
    declare,
)
from safelight.web.errors import retry_headers
from safelight.web.middleware import request_id
from safelight.web.rate_limit import RateLimiter
from safelight.web.request_body import MAX_SHORT_FORM_BYTES, Body, read_body, read_short_form
from safelight.web.services import Services
from safelight.web.standing import StandingServices
from safelight.web.translations import COOKIE as LANGUAGE_COOKIE
from safelight.web.translations import (
    Translations,
    format_datetime,
    load_languages,
    name_waiver_decider,
    negotiate_language,
)

from .page_address import find_address_after_sign_in, find_page_address
from .page_templates import compile_templates, render_template
from .services import ConsoleServices

T = TypeVar("T")
R = TypeVar("R")
#: Number of items that a narrow screen shows; the others are in a menu.
NAV_NARROW = 4
#: The items that a wide screen shows; the others are in a menu.
_WIDE = frozenset({"studio", "videos", "review", "verify", "settings", "compliance"})
#: Message key, path and scopes of each item. A person needs one of the scopes; without scopes the page is
#: public.
_NAV_ITEMS: tuple[tuple[str, str, tuple[KeyScope, ...]], ...] = (
    ("studio", "/", (KeyScope.VIDEOS_READ,)),
    ("videos", "/videos", (KeyScope.VIDEOS_READ,)),
    ("review", "/review", (KeyScope.REVIEW, KeyScope.VAULT)),
    ("verify", "/verify", ()),
    ("settings", "/settings", (KeyScope.ADMIN,)),
    ("compliance", "/compliance", (KeyScope.VIDEOS_READ, KeyScope.AUDIT)),
    ("advice", "/advice", (KeyScope.CHECKS,)),
    ("templates", "/templates", (KeyScope.VIDEOS_READ,)),
    ("attempts", "/attempts", (KeyScope.VIDEOS_READ,)),
    ("explain_error", "/explain-error", ()),
    ("coverage", "/coverage", (KeyScope.VIDEOS_READ, KeyScope.AUDIT)),
    ("policy", "/policy", (KeyScope.POLICY, KeyScope.AUDIT)),
)
THEME_COOKIE = "safelight_theme"
#: The theme button switches the themes in this order.
THEMES = ("auto", "dark", "light")
#: How long a browser keeps the language and the theme: one year.
PREFERENCE_TTL_S = 31_536_000
NOTHING_TYPED: Form = MappingProxyType({})
FRAGMENT_MEDIA_TYPE = "text/x-fragment"
#: Of a request that a page makes by itself, again and again.
BACKGROUND_HEADER = "safelight-background"

# The navigation items of the page header.


@dataclass(frozen=True, kw_only=True)
class NavItem:
    key: str
    href: str
    #: True if this item leads to the page that is open now.
    current: bool
    #: Number of cases that wait for a decision; 0 is not shown.
    count: int = 0


def nav_items(
    principal: Principal | None, path: str, waiting_cases: int, *, compliance_menu: bool = False
) -> tuple[NavItem, ...]:
    """The items for pages that this person may open. Without a session, only the public pages.

    `compliance_menu`: show the item Compliance to every person.
    """
    items = []
    for key, href, scopes in _NAV_ITEMS:
        if scopes and (principal is None or not principal.has_one_of(scopes)):
            continue
        if key == "compliance" and not (compliance_menu or _needs_compliance(principal)):
            continue
        current = path == href or (href != "/" and path.startswith(f"{href}/"))
        items.append(
            NavItem(key=key, href=href, current=current, count=waiting_cases if key == "review" else 0)
        )
    return tuple(items)


def count_wide(items: tuple[NavItem, ...]) -> int:
    """How many of the first items a wide screen shows."""
    return max(NAV_NARROW, sum(item.key in _WIDE for item in items))


def _needs_compliance(principal: Principal | None) -> bool:
    """Whether the work of this person is review or audit: their role cannot request videos."""
    return principal is not None and not principal.has_scope(KeyScope.VIDEOS_WRITE)


class Pages:
    """Renders templates and serves static files. Reads each static file once; its URL contains a hash of
    all files.
    """

    def __init__(self, state: AppState, *, compliance_menu: bool = False) -> None:
        self._state = state
        self._compliance_menu = compliance_menu
        self._static: dict[str, bytes] = {
            source.name: source.read_bytes()
            for source in files("safelight.web.console").joinpath("static").iterdir()
            if source.is_file()
        }
        # Only these: a page contains text of clients and values that they must not guess from its size.
        self._compressed = {name: gzip.compress(content) for name, content in self._static.items()}
        version = hashlib.sha256(b"".join(self._static[name] for name in sorted(self._static)))
        self._version = version.hexdigest()[:12]
        compile_templates()
        load_languages()

    def translations(self, request: Request) -> Translations:
        return negotiate_language(
            request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language")
        )

    async def render(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any],
        *,
        principal: Principal | None = None,
        status: int = 200,
    ) -> HTMLResponse:
        """Render a page. Adds translations, theme, banner, navigation and version to `values`."""
        t = self.translations(request)
        banners, waiting_cases = await self._state.threads.run(self._load_banner_and_queue, principal, t)
        theme = request.cookies.get(THEME_COOKIE, THEMES[0])
        theme = theme if theme in THEMES else THEMES[0]
        path = request.url.path
        items = nav_items(principal, path, waiting_cases, compliance_menu=self._compliance_menu)
        common = {
            "t": t,
            "theme": theme,
            "next_theme": THEMES[(THEMES.index(theme) + 1) % len(THEMES)],
            "languages": [
                (each.tag, each("language"), each("language_short")) for each in load_languages().values()
            ],
            "static": f"/static/{self._version}",
            "banners": banners,
            "safelight_version": self._state.services.version,
            "request_id": request_id(request.scope),
            "signed_in": principal.name if principal else None,
            "person": principal.id if principal else "",
            "nav_narrow": NAV_NARROW,
            "nav_wide": count_wide(items),
            "nav_items": items,
            "current_path": path,
            "page_address": find_page_address(request),
        }
        text = render_template(template, {**common, **values})
        return HTMLResponse(text, status_code=status, headers={"vary": "Cookie, Accept-Language"})

    def _load_banner_and_queue(self, principal: Principal | None, t: Translations) -> tuple[list[str], int]:
        """A sentence for each waiver in force (one for strangers), and the number of open cases."""
        services = self._state.services
        waiting_cases = services.reviews.count_open(principal) if principal is not None else 0
        waivers = services.waivers()
        if principal is None:  # strangers must not read which checks are missing
            return ([t("banner.stranger")] if waivers else []), waiting_cases
        table = services.videos.coverage() if waivers else {}
        lines = [
            _banner_text(waiver, waived_checks(table, waiver.name), services.taxonomy, t)
            for waiver in waivers
        ]
        return lines, waiting_cases

    def static(self, request: Request) -> Response:
        """A static file. It can be cached forever, because a changed file has another URL."""
        name = request.path_params["name"]
        content = self._static.get(name)
        if content is None:
            raise HTTPException(404)
        media_type = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0]
        headers = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
        if _accepts_gzip(request.headers.get("accept-encoding", "")):
            headers["content-encoding"] = "gzip"
            content = self._compressed[name]
        return Response(content, media_type=media_type, headers=headers)


def _accepts_gzip(header: str) -> bool:
    """Whether `Accept-Encoding` names gzip with a weight above 0."""
    for coding in header.lower().split(","):
        name, *parameters = (part.strip() for part in coding.split(";"))
        if name == "gzip":
            weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
            return weight.strip("0.") != ""
    return False


def _banner_text(
    waiver: Waiver, checks: Mapping[str, Iterable[str]], taxonomy: Taxonomy, t: Translations
) -> str:
    scope = describe_waiver_scope(checks, waiver.categories, taxonomy, t.tag)
    sentence = t(
        "banner.waiver",
        name=waiver.name,
        who=name_waiver_decider(waiver.name, waiver.decided_by, t),
        scope=scope,
    )
    if waiver.expires_at is None:
        return sentence
    return f"{sentence} {t('banner.until', at=format_datetime(waiver.expires_at, t))}"


def store_language(response: Response, language: str) -> None:
    """Show the pages in this language in this browser."""
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=PREFERENCE_TTL_S, samesite="strict", path="/")


def redirect_to_login(request: Request) -> Response:
    """Redirect to the sign-in page, which leads back to this page.

    A browser that follows a link from another site does not send the `SameSite=strict` cookie. The sign-in
    page therefore offers a link to this page, which makes the browser send it.
    """
    back = find_address_after_sign_in(request)
    return RedirectResponse(f"/login?{urlencode({'back': back})}", status_code=303)


# Base class of the page handlers: authentication, permissions, forms and rendering.

Handler = Callable[[Request, Principal], Awaitable[Response]]
#: The text fields of a form by name.
Form = Mapping[str, str]


class PageHandler:
    """Base class of all page handlers that need services."""

    #: The errors of an operation after which `show_again` shows the page with the form that was sent.
    refusals: ClassVar[tuple[type[SafelightError], ...]] = ()
    #: How many forms one address may send without an account, valid or not, and in how many seconds.
    max_forms: ClassVar[tuple[int, float]] = (60, 300.0)

    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        self.state = state
        self.pages = pages
        self.console = console
        self.run = state.threads.run
        self.forms = RateLimiter(*self.max_forms)

    async def show_again(
        self, request: Request, principal: Principal, problem: SafelightError, form: Form
    ) -> Response:
        """The page of a form that was refused: `show` with what was typed if the form is about something new,
        else `show_one` if the page has it.
        """
        page: Any = self
        shown: Response
        if not request.path_params:
            shown = await page.show(request, principal)
        elif isinstance(problem, NotFound):
            raise problem
        else:
            shown = await getattr(page, "show_one", page.show)(request, principal)
        return shown

    @property
    def services(self) -> Services:
        return self.state.services

    @property
    def standing(self) -> StandingServices:
        return self.services.require_standing()

    def translations(self, request: Request) -> Translations:
        return self.pages.translations(request)

    def wants_fragment(self, request: Request) -> bool:
        """Whether a script requests only the fragment of the page that changes."""
        return request.headers.get("accept", "").startswith(FRAGMENT_MEDIA_TYPE)

    async def current_principal(self, request: Request) -> Principal | None:
        """The signed-in person; None without a valid session cookie."""
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            return None
        try:
            return await self.run(
                self.services.accounts.sessions.authenticate,
                cookie,
                is_use=BACKGROUND_HEADER not in request.headers,
            )
        except Unauthenticated:
            return None

    def protected(self, handler: Handler, *scopes: KeyScope, any_of: Iterable[KeyScope] = ()) -> Endpoint:
        """Wrap a handler: a request needs a session with all `scopes` and one of `any_of`.

        It must also come from our own origin. A form whose operation raises one of `refusals` is shown again
        with what was typed.
        """
        access = Access(every=frozenset(scopes), any_of=frozenset(any_of))
        page: PageHandler = handler.__self__  # type: ignore[attr-defined]

        async def endpoint(request: Request) -> Response:
            principal = await self.current_principal(request)
            if principal is None:
                if request.method == "GET" or "text/html" in request.headers.get("accept", ""):
                    return redirect_to_login(request)
                raise Unauthenticated("You are not signed in.", remedy="Sign in.")
            check_same_origin(request)
            access.require(principal)
            try:
                return await handler(request, principal)
            except page.refusals as problem:
                if not hasattr(request.state, "form"):
                    raise
                request.state.refused = problem, request.state.form
                return await page.show_again(request, principal, problem, request.state.form)

        return declare(access, endpoint)

    async def read_form(self, request: Request) -> dict[str, str]:
        """The text fields of a form. Files are left out."""
        async with read_body(request, self.services) as body:
            form = text_fields(body)
        request.state.form = form
        return form

    async def submit(
        self,
        request: Request,
        principal: Principal,
        read: Callable[[Form], R],
        operation: Callable[[Principal, R], T],
    ) -> T:
        """Read the form, make its input record with `read`, and give it to the operation."""
        return await self.run(operation, principal, read(await self.read_form(request)))

    async def read_public_form(self, request: Request, *, max_bytes: int = MAX_SHORT_FORM_BYTES) -> Form:
        """The fields of a form for which no account is needed, after the address was counted."""
        check_same_origin(request)
        self.forms.allow(client_address(request))
        return await read_short_form(request, self.services, max_bytes=max_bytes)

    async def render_page(
        self,
        request: Request,
        template: str,
        principal: Principal | None = None,
        status: int | None = None,
        *,
        problem: SafelightError | None = None,
        **values: Any,
    ) -> Response:
        """The page, with the status of the problem unless `status` is given. A form that is shown again has
        its problem and what was typed.
        """
        refused, typed = find_refused(request)
        problem = problem or refused
        if status is None:
            status = problem.status if problem else 200
        values = {"problem": problem, "form": typed, **values}
        page = await self.pages.render(request, template, values, principal=principal, status=status)
        if problem:
            page.headers.update(retry_headers(problem))
        return page

    def redirect(self, path: str) -> Response:
        """Redirect to another page after a form was submitted."""
        return RedirectResponse(path, status_code=303)


def find_refused(request: Request) -> tuple[SafelightError | None, Form]:
    """The problem of the form of this request that is shown again, and what was typed."""
    found: tuple[SafelightError | None, Form] = getattr(request.state, "refused", (None, NOTHING_TYPED))
    return found


def client_address(request: Request) -> str:
    return request.client.host if request.client else ""


def input_of(record: type[T], form: Form, **others: Any) -> T:
    """The input record of a form: the texts by the names of its fields, and `others`, which are no texts.

    A text that is missing is empty, or the default of the record.
    """
    texts = {
        one.name: form.get(one.name, "")
        for one in fields(cast("Any", record))
        if one.name in form or one.default is MISSING
    }
    return record(**{**texts, **others})


def text_fields(body: Body) -> dict[str, str]:
    return {name: value for name, value in body.fields.items() if isinstance(value, str)}
