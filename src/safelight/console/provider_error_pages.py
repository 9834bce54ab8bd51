"""Anybody's error, read: who said no, to what, at what cost, and what now. Nothing is kept."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import TooLarge
from safelight.generation.provider_errors import decode
from safelight.generation.provider_errors.model import Confidence, ErrorKind, ProviderError
from safelight.web.auth import check_same_origin
from safelight.web.state import AppState

from .handler import PageHandler
from .rate_limit import RateLimiter
from .render import Pages
from .services import ConsoleServices
from .translations import Translations

LONGEST = 1_000_000
PER_MINUTE = 60
#: One of each sort, to see what this page is for.
EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "Sora",
        '{"error": {"code": "sentinel_block", "message": "Your request was blocked by our moderation.",'
        ' "type": "video_generation_user_error"}}',
    ),
    (
        "Veo",
        '{"error": {"code": 3, "message": "The prompt could not be submitted. This prompt contains sensitive '
        "words that violate Google's Responsible AI practices. Support codes: 56562880\"}}",
    ),
    ("Runway", '{"status": "FAILED", "failureCode": "SAFETY.INPUT.TEXT", "failure": "Text did not pass."}'),
    ("429", 'HTTP/1.1 429 Too Many Requests\nRetry-After: 20\n\n{"error": "rate limit exceeded"}'),
)


class ProviderErrorPages(PageHandler):
    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        super().__init__(state, pages, console)
        self._pace = RateLimiter(PER_MINUTE, 60.0)

    async def show(self, request: Request) -> Response:
        return await self._page(request, "", None)

    async def decode(self, request: Request) -> Response:
        check_same_origin(request)
        self._pace.allow(request.client.host if request.client else "")
        text = (await self.form(request)).get("text", "")
        if len(text) > LONGEST:
            raise TooLarge(f"The text has {len(text):,} characters; at most {LONGEST:,} are read.")
        found = await self.run(decode, text) if text.strip() else None
        return await self._page(request, text[:20_000], found)

    async def _page(self, request: Request, text: str, found: ProviderError | None) -> Response:
        words = self.words(request)
        principal = await self.who(request)
        values = {
            "text": text,
            "found": found,
            "tone": _tone(found) if found else "none",
            "headline": _headline(found, words) if found else "",
            "rows": _rows(found, words) if found else (),
            "examples": EXAMPLES,
        }
        template = "decoded.html" if self.wants_part(request) else "decode.html"
        return await self.pages.render(request, template, values, principal=principal)


def _tone(found: ProviderError) -> str:
    if found.kind is ErrorKind.CONTENT_BLOCK:
        return "block"
    return "none" if found.kind is ErrorKind.UNKNOWN else "hold"


def _headline(found: ProviderError, words: Translations) -> str:
    who = words(f"decode.owner.{found.owner.value}")
    if found.provider:
        who = words("decode.named", who=who, name=found.provider)
    return words(f"decode.kind.{found.kind.value}", who=who)


def _rows(found: ProviderError, words: Translations) -> tuple[tuple[str, str], ...]:
    """What is known and what is not, in the order people ask."""
    charged = words(f"decode.charged.{found.charged.value}")
    after = words("decode.after", seconds=f"{found.after_s:g}") if found.after_s else ""
    retry = " ".join(part for part in (words(f"decode.retry.{found.retry.value}"), after) if part)
    rows = [
        (words("decode.stage_label"), words(f"decode.stage.{found.stage.value}")),
        (words("decode.category_label"), _category(found, words)),
        (words("decode.charged_label"), charged),
        (words("decode.retry_label"), retry),
    ]
    if words.tag == "en" and found.next_step:
        rows.append((words("explain.next_step"), found.next_step))
    if found.via:
        rows.append((words("decode.via_label"), found.via))
    if found.code:
        rows.append((words("decode.code_label"), found.code))
    if found.message:
        rows.append((words("decode.message_label"), found.message))
    rows.append((words("decode.sure_label"), words(f"decode.sure.{found.confidence.value}")))
    if found.documented and found.confidence is not Confidence.NONE:
        rows.append((words("decode.documented_label"), found.documented))
    return tuple(rows)


def _category(found: ProviderError, words: Translations) -> str:
    key = f"category.{found.category.replace('/', '_').replace('-', '_')}"
    return words(key) if words.has(key) else found.category
