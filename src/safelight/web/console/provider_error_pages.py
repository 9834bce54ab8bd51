"""The page that explains a provider's error message. It needs no account and stores nothing.

To a person who may check prompts it also explains the prompt of the error; the check is recorded as always.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import BadInput, RateLimited, TooLarge
from safelight.core.i18n import load_messages, translate_sentence
from safelight.providers.attempts.gate import find_appeal
from safelight.providers.provider_errors import decode
from safelight.providers.provider_errors.model import (
    UNKNOWN,
    ErrorKind,
    ErrorSource,
    ModerationStage,
    ProviderError,
    ProviderRetry,
)
from safelight.providers.provider_errors.registry import named
from safelight.web.auth import AppState, check_same_origin
from safelight.web.rate_limit import RateLimiter
from safelight.web.refused_prompts import explain_refused_prompt
from safelight.web.services import Services
from safelight.web.translations import Translations
from safelight_client.money import format_money

from .render import PageHandler, Pages
from .services import ConsoleServices
from .studio import list_providers

MAX_TEXT_CHARS = 1_000_000
MAX_REQUESTS_PER_MINUTE = 60
#: Example errors for the form: provider name and message.
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
        self._rate_limiter = RateLimiter(MAX_REQUESTS_PER_MINUTE, 60.0)

    async def show(self, request: Request) -> Response:
        return await self._render_form(request, "", None)

    async def explain(self, request: Request) -> Response:
        check_same_origin(request)
        self._rate_limiter.allow(request.client.host if request.client else "")
        form = await self.read_form(request)
        text = form.get("text", "")
        if len(text) > MAX_TEXT_CHARS:
            raise TooLarge(f"The text has {len(text):,} characters; at most {MAX_TEXT_CHARS:,} are read.")
        provider = named(form.get("refused_by"))
        name = provider.name if provider else ""
        error = await self.run(partial(decode, text, provider=name or None)) if text.strip() else None
        return await self._render_form(request, text[:20_000], error, form.get("prompt", ""), name)

    async def _render_form(
        self,
        request: Request,
        text: str,
        error: ProviderError | None,
        prompt: str = "",
        provider: str = "",
    ) -> Response:
        t = self.translations(request)
        principal = await self.current_principal(request)
        can_check = may_check(self.services, principal)
        about: dict[str, Any] = {"about": None, "problem": None}
        if error and prompt.strip() and can_check and principal and self.services.checks:
            checks = self.services.checks
            try:
                refused = await self.run(
                    explain_refused_prompt, self.services, checks, principal, error, prompt, provider
                )
                about["about"] = refused.as_wire(t.tag)
            except (BadInput, RateLimited) as problem:
                about["problem"] = problem
        values = {
            **about,
            "a": load_messages("advice", t.tag),
            "price": _price(about["about"], t) if about["about"] else "",
            "can_check": can_check,
            "prompt": prompt,
            "text": text,
            "error": error,
            "tone": _tone(error) if error else "none",
            "headline": _headline(error, t) if error else "",
            "summary": _translate(error.summary, t) if error else "",
            "next_step": _translate(error.next_step, t) if error else "",
            "rows": _detail_rows(error, t) if error and error.kind is not ErrorKind.UNKNOWN else (),
            "sources": _sources(error) if error else (),
            "examples": EXAMPLES,
            "provider": provider,
            "providers": list_providers(),
        }
        template = "provider_error_result.html" if self.wants_fragment(request) else "provider_error.html"
        return await self.pages.render(request, template, values, principal=principal)


def may_check(services: Services, principal: Principal | None) -> bool:
    """Whether the prompt of an error can be checked for this person, if any is signed in."""
    return services.checks is not None and principal is not None and principal.has_scope(KeyScope.CHECKS)


def _price(about: Mapping[str, Any], t: Translations) -> str:
    """The price of a try; empty if there is nothing to send."""
    price = about["price"]
    if not about["next"]["prompt"]:
        return ""
    if price is None:
        return t("studio.cost_unknown")
    messages = load_messages("advice", t.tag)
    usd, seconds = format_money(price["usd"]), price["seconds"]
    return messages("refused_prompt.price_of", price=usd, seconds=f"{seconds:g}", model=price["model"])


def _tone(error: ProviderError) -> str:
    if error.kind is ErrorKind.CONTENT_BLOCK:
        return "block"
    return "none" if error.kind is ErrorKind.UNKNOWN else "hold"


def _headline(error: ProviderError, t: Translations) -> str:
    source = t(f"provider_error.source.{error.source.value}")
    if error.provider:
        source = t("provider_error.named", source=source, name=_title(error.provider))
    elif error.likely_provider:
        source = t("provider_error.probably", source=source, name=_title(error.likely_provider))
    kind = error.kind.value
    if error.kind is ErrorKind.UNKNOWN and error.source is ErrorSource.UNKNOWN and not error.likely_provider:
        kind = "unknown_anywhere"
    return t(f"provider_error.kind.{kind}", source=source)


def _detail_rows(error: ProviderError, t: Translations) -> tuple[tuple[str, str], ...]:
    """What is known about the error, as pairs of label and value, and the charge even if it is unknown."""
    rows = []
    if error.stage is not ModerationStage.UNKNOWN:
        rows.append((t("provider_error.stage_label"), t(f"provider_error.stage.{error.stage.value}")))
    if error.category != UNKNOWN:
        rows.append((t("provider_error.category_label"), _category(error, t)))
    rows.append((t("provider_error.charged_label"), _charge(error, t)))
    if error.retry is not ProviderRetry.UNKNOWN:
        retry = t(f"provider_error.retry.{error.retry.value}")
        after = t("provider_error.retry_after", seconds=f"{error.after_s:g}") if error.after_s else ""
        rows.append((t("provider_error.retry_label"), f"{retry} {after}".strip()))
    rows.append((t("explain.next_step"), _translate(error.next_step, t)))
    if (appeal := find_appeal(error)) is not None:
        said = (translate_sentence("provider_rules", one.statement, t.tag) or one.statement for one in appeal)
        rows.append((t("provider_error.appeal_label"), " ".join(said) or t("provider_error.no_appeal")))
    if error.via:
        rows.append((t("provider_error.via_label"), _title(error.via)))
    if error.code:
        rows.append((t("provider_error.code_label"), error.code))
    if error.message:
        rows.append((t("provider_error.message_label"), error.message))
    rows.append(
        (t("provider_error.confidence_label"), t(f"provider_error.confidence.{error.confidence.value}"))
    )
    return tuple((label, value) for label, value in rows if value)


def _charge(error: ProviderError, t: Translations) -> str:
    charged = t(f"provider_error.charged.{error.charged.value}")
    if error.amount is None:
        return charged
    return t("provider_error.named", source=charged, name=format_money(error.amount, error.currency))


def _sources(error: ProviderError) -> tuple[str, ...]:
    """The pages that document the error."""
    return tuple(page for page in error.documented.split("; ") if page.startswith("https://"))


def _title(name: str) -> str:
    """The name of a provider or relay as people write it."""
    provider = named(name)
    return provider.title if provider is not None and provider.title else name


def _translate(sentence: str, t: Translations) -> str:
    return translate_sentence("provider_errors", sentence, t.tag) or sentence


def _category(error: ProviderError, t: Translations) -> str:
    key = f"category.{error.category.replace('/', '_').replace('-', '_')}"
    return t(key) if t.has(key) else error.category
