"""Retries that a client asked for: a video whose output its provider blocked is repeated as a new video.

At most once with the same prompt and once with a variation that the client approved. Never after a block by
our policy, never in a category in which there is no help, and never at another generator.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import (
    CheckLimitExceeded,
    IdempotencyKeyInUse,
    NotCovered,
    QuotaExceeded,
    RefusalBudgetUsed,
    RequestBlocked,
    SafelightError,
    Unavailable,
)
from safelight.policy.findings import SEXUAL_CATEGORIES, Group, Stage, categories_of, is_alarm
from safelight.providers.advice.check_result import CheckResult, Price
from safelight.providers.advice.help_gate import GATED
from safelight.providers.protocol import ProviderRefusal
from safelight.store.blobs import BlobStore
from safelight.videos.requests.request import AdmittedRequest, CreateRequest, RetryTerms, Upload

from .idempotency import IdempotencyKeys
from .interruptions import UpstreamPending
from .models import RetryRefusal, RetryResult, Video, VideoSnapshot, VideoState
from .repository import VideoRepository
from .requester import use_of

_log = logging.getLogger(__name__)

#: The text of a request that has the variation, so that it is screened together with the prompt.
VARIATION_FIELD = "safelight.retry.variation"
#: The policy of another Safelight gateway is a policy and not a filter of a provider.
_GATEWAY = "safelight"
#: A provider that names self-harm or minors does not say in which way, so the gravest is assumed.
_FLOOR = GATED | SEXUAL_CATEGORIES | categories_of(Group.MINORS, Group.SELF_HARM) | {Group.MINORS.value}
#: Many providers accept no larger seed.
_MAX_SEED = 2**31 - 1
_ALLOWED = frozenset({"allow", "label"})
_STOP = (
    "Your variation was refused too. The filter may be reacting to something real, so Safelight does not "
    "try again."
)


#: What an error of the submission means, by its code.
_LIMITS = {
    QuotaExceeded.code: RetryRefusal.QUOTA,
    CheckLimitExceeded.code: RetryRefusal.CHECK_LIMIT,
    RefusalBudgetUsed.code: RetryRefusal.REFUSAL_BUDGET,
}


class _NotRetried(Exception):
    """A condition of a retry is not met. Not in the error tree: it never leaves this module."""

    def __init__(self, reason: RetryRefusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Retries:
    """Repeats videos. The check and the submission are those of every request, with quota and all limits."""

    blobs: BlobStore
    videos: VideoRepository
    #: Of the service that submits.
    keys: IdempotencyKeys
    #: The check with the help gate.
    check: Callable[[Principal, CreateRequest], tuple[CheckResult, AdmittedRequest, Price]]
    submit: Callable[[Principal, CreateRequest], Video]
    #: The API key of a tenant with this id; None if it is revoked or no key.
    find_key: Callable[[str, str], Principal | None]

    def retry(self, snapshot: VideoSnapshot, refusal: ProviderRefusal, work_dir: Path) -> RetryResult:
        """Submit the next retry of a video that its provider blocked, if the client asked for one.

        After a crash it is called again: the idempotency key makes sure that the video exists once. Raises
        `UpstreamPending` while an earlier call with this key may still run, and `Unavailable` if the retry
        may succeed a little later.
        """
        video, terms = snapshot.video, read_terms(snapshot.request)
        if terms is None:
            return RetryResult()
        following = _following(video, terms, refusal)
        against = refusal_against(refusal)
        if following is None or against is not None:
            return RetryResult(refused=against or _why_nothing_follows(terms))
        try:
            earlier = self.keys.find(video.tenant, f"retry-{video.id}")
            if earlier is not None:
                return self._linked(video, earlier.video_id)
            return RetryResult(retried_as=self._submit(snapshot, following, work_dir))
        except _NotRetried as refused:
            return RetryResult(refused=refused.reason)
        except IdempotencyKeyInUse as error:
            raise UpstreamPending(error.retry_after_s) from None
        except SafelightError as error:
            if isinstance(error, Unavailable) and not isinstance(error, NotCovered):
                raise
            _log.info("%s is not retried (%s).", video.id, error.code)
            return RetryResult(refused=_LIMITS.get(error.code, RetryRefusal.FAILED))

    def _linked(self, video: Video, retry_id: str) -> RetryResult:
        """The retry that an earlier call submitted."""
        found = self.videos.get(video.tenant, retry_id)
        if found.retry_of != video.id:
            # A client used the idempotency key for another request.
            return RetryResult(refused=RetryRefusal.FAILED)
        if found.state is VideoState.REJECTED:
            return RetryResult(refused=RetryRefusal.POLICY)
        return RetryResult(retried_as=found.id)

    def _submit(self, snapshot: VideoSnapshot, following: CreateRequest, work_dir: Path) -> str:
        """The id of the submitted retry. Raises `_NotRetried`."""
        video = snapshot.video
        principal = self.find_key(video.tenant, video.principal_id)
        if principal is None:
            raise _NotRetried(RetryRefusal.KEY_REVOKED)
        if any("of" in reference for reference in snapshot.request["references"]):
            # A source video or a character may have been withdrawn since.
            raise _NotRetried(RetryRefusal.REFERENCE)
        if any(is_alarm(one) and one.category in GATED for one in snapshot.findings(Stage.REFERENCE)):
            raise _NotRetried(RetryRefusal.NO_HELP)
        request = replace(following, **_fields(snapshot))
        # The client has asked for the retry, so its key needs no scope for checks.
        checker = replace(principal, scopes=principal.scopes | {KeyScope.CHECKS})
        found, admitted, _price = self.check(checker, replace(request, retry=None))
        if found.verdict not in _ALLOWED:
            raise _NotRetried(RetryRefusal.POLICY)
        if not found.prompt_advice.helps:
            raise _NotRetried(RetryRefusal.NO_HELP)
        if (admitted.generator, admitted.model) != (video.generator, video.model):
            raise _NotRetried(RetryRefusal.OTHER_GENERATOR)
        uploads = tuple(self._uploads(snapshot, work_dir))
        try:
            return self.submit(principal, replace(request, uploads=uploads)).id
        except RequestBlocked:
            raise _NotRetried(RetryRefusal.POLICY) from None

    def _uploads(self, snapshot: VideoSnapshot, work_dir: Path) -> Iterator[Upload]:
        for number, reference in enumerate(snapshot.request["references"]):
            path = work_dir / f"retry-{number}"
            self.blobs.copy_to(snapshot.video.tenant, reference["sha256"], path)
            yield Upload(
                field=reference["field"], path=path, filename=path.name, media_type=reference["media_type"]
            )


def refusal_against(refusal: ProviderRefusal) -> RetryRefusal | None:
    """What this block speaks against a retry; None if a filter blocked the output and there may be help."""
    if refusal.provider == _GATEWAY:
        return RetryRefusal.POLICY
    if any(_is_gated(category) for category in {refusal.category, *refusal.named}):
        return RetryRefusal.CATEGORY
    if refusal.stage != "output":
        return RetryRefusal.NOT_OUTPUT
    return RetryRefusal.PROVIDER if refusal.retry == "never" else None


def _is_gated(category: str) -> bool:
    return any(category == name or category.startswith(f"{name}/") for name in _FLOOR)


def read_terms(request: Mapping[str, Any]) -> RetryTerms | None:
    """What an accepted request asks for, if anything."""
    stored = request.get("retry")
    if not stored:
        return None
    # Another version of Safelight may have stored more.
    known = {each.name for each in fields(RetryTerms)}
    return RetryTerms(**{name: value for name, value in stored.items() if name in known})


def store_terms(terms: RetryTerms | None) -> dict[str, Any]:
    """The part of an accepted request that `read_terms` reads."""
    return {"retry": asdict(terms)} if terms else {}


def describe_retry(snapshot: VideoSnapshot, retry: RetryResult) -> dict[str, Any]:
    """What the explanation of a block by the provider states about retries."""
    if retry.retried_as:
        step = f"It was submitted again as {retry.retried_as}; follow that video."
        return {"retried_as": retry.retried_as, "next_step": step}
    refused = {"retry_refused": retry.refused.value} if retry.refused else {}
    terms = read_terms(snapshot.request)
    return {**refused, "next_step": _STOP} if terms is not None and terms.varied else refused


def find_retry_refusal(video: Video) -> RetryRefusal | None:
    """Why an ended video was not retried although the client asked for it."""
    if video.vaulted:
        return None
    details = video.explanation or {}
    if (stored := details.get("retry_refused")) in set(RetryRefusal):
        return RetryRefusal(stored)
    if not video.asks_retry or details.get("source") == "provider":
        return None
    if video.state in (VideoState.REJECTED, VideoState.BLOCKED):
        return RetryRefusal.POLICY
    if video.state is VideoState.FAILED:
        return _LIMITS.get(video.error_code or "", RetryRefusal.NOT_BLOCKED)
    return None


def _following(video: Video, terms: RetryTerms, refusal: ProviderRefusal) -> CreateRequest | None:
    """The next retry: the same prompt first, unless the provider asks to change it; then the variation."""
    if terms.same and refusal.retry != "change_prompt":
        left = RetryTerms(variation=terms.variation, of=video.id)
        return CreateRequest(
            prompt=video.prompt, template=video.template, retry=left, idempotency_key=f"retry-{video.id}"
        )
    if terms.variation:
        left = RetryTerms(of=video.id, varied=True)
        # The variation is a prompt of its own and not that of the template.
        return CreateRequest(prompt=terms.variation, retry=left, idempotency_key=f"retry-{video.id}")
    return None


def _why_nothing_follows(terms: RetryTerms) -> RetryRefusal:
    if terms.varied:
        return RetryRefusal.VARIATION_BLOCKED
    # The same prompt is left only if the provider asks to change it.
    return RetryRefusal.NO_VARIATION if terms.same else RetryRefusal.ALREADY_RETRIED


def _fields(snapshot: VideoSnapshot) -> dict[str, Any]:
    """The fields that a retry has in common with the blocked video."""
    video, extra = snapshot.video, dict(snapshot.request["extra"])
    seed = extra.get("seed")
    if isinstance(seed, int) and seed >= 0:
        # The same prompt with the same seed would give the same video. Below 0, the provider chooses.
        extra["seed"] = seed + 1 if seed < _MAX_SEED else seed - 1
    return {
        "model": video.model or None,
        "seconds": None if "num_frames" in extra else str(video.seconds),
        "size": f"{video.width}x{video.height}",
        "extra": extra,
        "safety_identifier": video.end_user,
        "use": use_of(snapshot.request),
        "metadata": dict(video.metadata),
    }
