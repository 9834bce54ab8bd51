"""Templates and static files, and what every page is given."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from safelight.policy.waivers import EVERYTHING, Waiver
from safelight.trust.accounts import Principal
from safelight.web.middleware import request_id
from safelight.web.state import AppState

from .formatting import moment
from .navigation import nav_items
from .translations import COOKIE as LANGUAGE_COOKIE
from .translations import Translations, languages, negotiate_language

THEME_COOKIE = "safelight_theme"
#: In the order the switch goes through them.
THEMES = ("auto", "dark", "light")


class Pages:
    """Renders templates. Static files are read once, and their address has their hash in it."""

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._static: dict[str, bytes] = {
            source.name: source.read_bytes()
            for source in files("safelight.console").joinpath("static").iterdir()
            if source.is_file()
        }
        version = hashlib.sha256(b"".join(self._static[name] for name in sorted(self._static)))
        self._version = version.hexdigest()[:12]
        self._environment = Environment(
            loader=PackageLoader("safelight.console", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        # Made now, so that the first page is as quick as the next.
        for name in self._environment.list_templates(extensions=["html"]):
            self._environment.get_template(name)
        languages()

    def words(self, request: Request) -> Translations:
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
        """The page, with words, theme, banner, ways on and version beside its own values."""
        waivers, waiting = await self._state.threads.run(self._around, principal)
        words = self.words(request)
        theme = request.cookies.get(THEME_COOKIE, THEMES[0])
        theme = theme if theme in THEMES else THEMES[0]
        path = request.url.path
        common = {
            "t": words,
            "theme": theme,
            "next_theme": THEMES[(THEMES.index(theme) + 1) % len(THEMES)],
            "languages": [
                (each.tag, each("language"), each("language_short")) for each in languages().values()
            ],
            "static": f"/static/{self._version}",
            "banners": [_banner(waiver, words) for waiver in waivers],
            "version": self._state.services.version,
            "request_id": request_id(request.scope),
            "signed_in": principal.name if principal else None,
            "ways": nav_items(principal, path, waiting),
            "here": path,
        }
        text = self._environment.get_template(template).render({**common, **values})
        return HTMLResponse(text, status_code=status, headers={"vary": "Cookie, Accept-Language"})

    def _around(self, principal: Principal | None) -> tuple[Sequence[Waiver], int]:
        """What stands around every page: the waivers in force, and how many cases wait for this person."""
        services = self._state.services
        waiting = services.reviews.count_open(principal) if principal is not None else 0
        return services.waivers(), waiting

    def static(self, request: Request) -> Response:
        """A file of ours; it may be kept for ever, for a changed one has another address."""
        name = request.path_params["name"]
        content = self._static.get(name)
        if content is None:
            raise HTTPException(404)
        kind = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0]
        return Response(
            content, media_type=kind, headers={"cache-control": "public, max-age=31536000, immutable"}
        )


def _banner(waiver: Waiver, words: Translations) -> str:
    whole = EVERYTHING in waiver.categories
    categories = words("banner.everything") if whole else words.listed(list(waiver.categories))
    sentence = words("banner.one", name=waiver.name, who=waiver.decided_by, categories=categories)
    if waiver.expires_at is None:
        return sentence
    return f"{sentence} {words('banner.until', at=moment(waiver.expires_at, words))}"
