"""For strangers: where does this file come from, and what does that prove? No account, nothing kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import anyio
from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField, NotFound, SafelightError
from safelight.provenance.models import ManifestReport, ManifestState, SignerTrust, Verification
from safelight.web.auth import check_same_origin
from safelight.web.request_body import read_body
from safelight.web.state import AppState

from .formatting import day
from .handler import PageHandler
from .rate_limit import RateLimiter
from .render import Pages
from .services import ConsoleServices
from .translations import Translations

LARGEST_BYTES = 256 * 1024 * 1024
PER_MINUTE = 10
_AT_ONCE = 2


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One thing that was looked at: what it says, proves, and does not prove."""

    name: str
    says: str
    proves: str
    does_not_prove: str


@dataclass(frozen=True, kw_only=True)
class VerifyResult:
    tone: str
    sentence: str
    proofs: tuple[Proof, ...]
    sha256: str
    #: The file's own claims, for whoever wants to know more.
    claims: tuple[tuple[str, str], ...]


class VerifyPages(PageHandler):
    """Any file may be dropped here; it is opened in a child and removed with the answer."""

    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        super().__init__(state, pages, console)
        self._pace = RateLimiter(PER_MINUTE, 60.0)
        self._at_once = anyio.Semaphore(_AT_ONCE)

    async def show(self, request: Request) -> Response:
        return await self._page(request)

    async def verify(self, request: Request) -> Response:
        check_same_origin(request)
        self._pace.allow(request.client.host if request.client else "")
        ask = self.console.verify
        if ask is None:
            raise NotFound("This gateway has no verifier.")
        most = min(self.services.max_body_bytes, LARGEST_BYTES)
        async with self._at_once, read_body(request, replace(self.services, max_body_bytes=most)) as body:
            files = [upload for upload in body.uploads if upload.path.stat().st_size]
            if not files:
                problem = InvalidField("No file came.", param="file", remedy="Choose one.")
                return await self._page(request, problem=problem)
            try:
                found = await self.run(ask, files[0].path)
            except SafelightError as error:
                return await self._page(request, problem=error)
        return await self._page(request, answer=answer(found, self.words(request)))

    async def _page(
        self, request: Request, *, answer: VerifyResult | None = None, problem: SafelightError | None = None
    ) -> Response:
        template = "answer.html" if self.wants_part(request) else "verify.html"
        principal = await self.who(request)
        return await self.page(
            request,
            template,
            principal,
            problem.status if problem else 200,
            answer=answer,
            problem=problem,
            most_mb=min(self.services.max_body_bytes, LARGEST_BYTES) >> 20,
        )


def answer(found: Verification, words: Translations) -> VerifyResult:
    """The verification in the reader's language. It never says more than the evidence does."""
    reading, own = found.reading, found.signer is SignerTrust.OWN
    return VerifyResult(
        tone=_tone(found),
        sentence=_sentence(found, words),
        proofs=tuple(_proofs(found, words, own=own)),
        sha256=found.sha256,
        claims=tuple(_claims(reading, words)),
    )


def _tone(found: Verification) -> str:
    if found.state is ManifestState.TRUSTED or found.registered:
        return "allow"
    return {ManifestState.VALID: "label", ManifestState.INVALID: "block"}.get(found.state, "none")


_CONTENT = frozenset(
    {"assertion.bmffHash.mismatch", "assertion.dataHash.mismatch", "assertion.boxesHash.mismatch"}
)
_CREDENTIAL = frozenset(
    {
        "signingCredential.expired",
        "signingCredential.invalid",
        "signingCredential.ocsp.revoked",
        "signingCredential.untrusted",
    }
)


def _sentence(found: Verification, words: Translations) -> str:
    reading = found.reading
    what = words("verify.video" if reading.media_type.startswith("video/") else "verify.file")
    on, who = _on(reading, words), _name(reading, words)
    match found.state:
        case ManifestState.TRUSTED if found.signer is SignerTrust.OWN:
            return words("verify.own", what=what, on=on)
        case ManifestState.TRUSTED:
            return words("verify.trusted", what=what, on=on, who=who)
        case _ if found.registered:
            return words("verify.registered", what=what)
        case ManifestState.VALID:
            return words("verify.valid", what=what, who=who)
        case ManifestState.INVALID:
            codes = set(reading.failures)
            if codes & _CONTENT:
                return words("verify.changed", what=what)
            if codes and codes <= _CREDENTIAL:
                return words("verify.expired", what=what)
            return words("verify.damaged", what=what)
        case ManifestState.ABSENT if reading.note in {"format", "remote"}:
            return words(f"verify.absent_{reading.note}", what=what)
        case ManifestState.ABSENT:
            return words("verify.absent", what=what)
    return words("verify.unreadable", what=what)


def _proofs(found: Verification, words: Translations, *, own: bool) -> Iterator[Proof]:
    reading = found.reading
    key = (
        found.state.value
        if found.state in {ManifestState.TRUSTED, ManifestState.VALID, ManifestState.INVALID}
        else "absent"
    )
    who = words("verify.us") if own else _name(reading, words)
    values = {"who": who, "on": _on(reading, words), "codes": words.listed(list(reading.failures))}
    yield Proof(
        name=words("verify.manifest"),
        says=words(f"verify.manifest_{key}.says", **values),
        proves=words(f"verify.manifest_{key}.proves", **values),
        does_not_prove=words(f"verify.manifest_{key}.not", **values),
    )
    if found.registered is not None:
        key = "yes" if found.registered else "no"
        yield Proof(
            name=words("verify.registry"),
            says=words(f"verify.registry_{key}.says"),
            proves=words(f"verify.registry_{key}.proves"),
            does_not_prove=words(f"verify.registry_{key}.not"),
        )


def _claims(reading: ManifestReport, words: Translations) -> Iterator[tuple[str, str]]:
    for key in ("media_type", "issuer", "signed_at", "made_with", "source_type", "title"):
        if value := getattr(reading, key):
            yield words(f"verify.claim.{key}"), str(value)


def _name(reading: ManifestReport, words: Translations) -> str:
    name = reading.issuer or reading.common_name
    return words("verify.quoted", name=name) if name else words("verify.nobody")


def _on(reading: ManifestReport, words: Translations) -> str:
    try:
        when = dt.datetime.fromisoformat(reading.signed_at or reading.generated_at)
    except ValueError:
        return ""
    return words("verify.on", day=day(when.timestamp(), words))
