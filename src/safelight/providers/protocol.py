"""The generator interface: it takes a generation request and delivers a video file and its charge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from safelight.core.errors import UpstreamInvalidResponse, UpstreamRejected
from safelight.policy.steering import Steering

#: Request fields that contain media: OpenAI's, those that vLLM-Omni and SGLang document, and other known
#: spellings. A field that a generator does not declare is rejected by name.
MEDIA_FIELDS = frozenset(
    {
        "input_reference",
        "image_reference",
        "video_reference",
        "audio_reference",
        "control_reference",
        "reference_url",
        "image",
        "image_url",
        "video",
        "video_url",
        "audio_url",
        "last_frame",
        "reference_images",
    }
)


class Billing(StrEnum):
    #: Runs on our own hardware: a request may be rendered again after a crash.
    OWN = "own"
    #: Each call costs money: called at most once per accepted job.
    PAID = "paid"


class ClipMissing(UpstreamInvalidResponse):
    """The upstream has finished the video but does not have its clip, or not yet."""


class ChargeStatus(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What the upstream charged for one attempt."""

    charged: ChargeStatus
    #: Amount in `currency`, if known.
    amount: float | None = None
    currency: str = "USD"
    #: Source of the amount: `upstream` (its response), `documented`, `price list`, `own hardware`.
    source: str = ""


#: The charge of own hardware.
OWN_HARDWARE = Charge(charged=ChargeStatus.NO, amount=0.0, source="own hardware")


@dataclass(frozen=True, kw_only=True)
class RenderResult:
    """What a local generator says about a finished clip."""

    charge: Charge
    #: Words of the prompt for things that the generator knows it did not draw.
    not_drawn: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReferenceFile:
    """A media file of a request. We fetched it once and screened it; generators receive exactly these
    bytes.
    """

    path: Path
    media_type: str
    #: Name of the request field that contains the file: `input_reference`, `video_reference` ...
    field: str
    sha256: str


class Derivation(StrEnum):
    """How a new video is derived from an earlier one."""

    #: The same scene with another prompt.
    REMIX = "remix"
    #: The same clip, changed as the prompt describes.
    EDIT = "edit"
    #: The clip, followed by a continuation.
    EXTEND = "extend"


@dataclass(frozen=True, kw_only=True)
class SourceClip:
    """The clip that a request starts from. It was screened alone and together with the request's prompt."""

    derivation: Derivation
    #: A delivered file of ours, or a clip uploaded with the request.
    clip: ReferenceFile
    #: Length of the clip in seconds, rounded up to a whole number.
    seconds: int
    #: Prompts of the clip's ancestors, oldest first; empty for an uploaded clip.
    prompts: tuple[str, ...] = ()
    #: The upstream's id of the clip, if the clip was made by the same generator and is still on its server.
    upstream_id: str = ""


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """A request to a generator. All of its content has been screened."""

    #: Seconds until the deadline of the video, at the submission. A call that takes longer is of no use.
    time_left_s: float | None = None
    #: Our idempotency key of this attempt, sent to upstreams that accept one.
    key: str
    model: str
    prompt: str
    seconds: int
    width: int
    height: int
    references: tuple[ReferenceFile, ...] = ()
    #: Extra fields that the upstream's allow-list permits: `seed`, `fps`, `num_inference_steps` ...
    extra: Mapping[str, Any] = field(default_factory=dict)
    #: What to steer away from, for a generator that steers (`GeneratorInfo.steers`).
    steering: Steering | None = None
    #: Whether a clip that shows a minor could be delivered. If not, a provider that has a setting for it is
    #: asked for adults only.
    minors_allowed: bool = True
    #: The clip to remix, edit or extend; `seconds` is then the length of the whole result.
    source_clip: SourceClip | None = None

    @property
    def composed(self) -> str:
        """All prompts of this request and its ancestors, oldest first, as one text."""
        return combine_prompts(self.source_clip.prompts if self.source_clip else (), self.prompt)


def combine_prompts(prompts: Iterable[str], prompt: str) -> str:
    """The prompts of a chain of videos as one text, which is screened as a whole and may be sent to a
    generator.
    """
    return "\n".join((*prompts, prompt))


class UpstreamState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class ProviderRefusal:
    """A refusal by a provider's own filter, in normalized form."""

    provider: str
    #: `input`, `output` or `unknown`: the content that the filter refused.
    stage: str
    #: Our category or group if it can be determined, else empty.
    category: str
    #: The provider's own code and message, with secrets masked.
    code: str
    message: str
    charged: ChargeStatus
    #: How to retry: `same`, `new_seed`, `change_prompt` or `never`.
    retry: str
    #: The refused content: text, image, video or audio; empty if unknown.
    modality: str = ""
    #: Every category that the error names, in its lists or in its messages. `category` is the gravest.
    named: frozenset[str] = frozenset()
    #: The provider's own body, with secrets masked.
    answer: str = ""


class SteeringUnavailable(UpstreamRejected):
    """The generator made nothing, because it cannot steer as the request requires."""


@dataclass(frozen=True, kw_only=True)
class GenerationReport:
    """What a generator says about its steering and watching."""

    #: Methods that were in effect, of those that are known here.
    applied: tuple[str, ...] = ()
    #: Names of what the generator could not do.
    gaps: tuple[str, ...] = ()
    #: Categories for which it has no concept.
    unknown_categories: tuple[str, ...] = ()
    steps: int = 0
    steps_done: int = 0
    #: How often its watcher read the unfinished clip.
    checks: int = 0
    #: The watch that read last, and its score: if the watcher stopped the generation, these did.
    watch: str = ""
    score: float = 0.0
    #: The share of the steps that were not computed.
    saved_share: float = 0.0
    #: Whether it has a blurred preview of the generation that its watcher stopped.
    preview: bool = False
    #: Whether the report could not be read; everything else is then empty.
    unreadable: bool = False


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The upstream's status of a request. `refusal` is set if its filter refused, `problem` if it failed."""

    state: UpstreamState
    #: 0 to 100, or None if the upstream does not report it.
    percent: int | None = None
    refusal: ProviderRefusal | None = None
    problem: str = ""
    #: The upstream's own body, with secrets masked, if it refused or failed.
    answer: str = ""
    charge: Charge | None = None
    #: What it says about steering and watching, if it steers and has ended.
    generation: GenerationReport | None = None
    #: Whether its watcher, which works for our policy, stopped the generation.
    stopped: bool = False
    #: Whether it failed because it could not steer as required.
    unsteered: bool = False
    #: Delay before the next poll, if the upstream gives one.
    poll_after_s: float | None = None
    #: Until when a finished video can be downloaded, in unix seconds, if the upstream states it.
    expires_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class GeneratorInfo:
    """The capabilities of a generator. A request that exceeds them is rejected before it costs anything."""

    models: tuple[str, ...]
    #: Other names that requests may use for models, each with its model.
    aliases: Mapping[str, str] = field(default_factory=dict)
    seconds: tuple[int, ...]
    #: Supported sizes as (width, height); empty: any size within `max_pixels`.
    sizes: tuple[tuple[int, int], ...]
    #: Names and types (int, float, bool or str) of extra request fields that are passed on. A `str` is
    #: screened as text only if it is also in `text_fields`.
    extra_fields: Mapping[str, type] = field(default_factory=dict)
    #: Extra fields that contain text: screened like the prompt.
    text_fields: frozenset[str] = frozenset()
    #: Whether further fields with a number, a truth value or a text are passed on. Their texts are screened.
    passes_unknown_fields: bool = False
    #: Settings of this generator with which the operator lets further fields pass; empty if it has none.
    field_settings: str = ""
    takes_reference: bool = True
    #: Other request fields with media that it accepts, besides `input_reference`; all of them are screened.
    media_fields: frozenset[str] = frozenset()
    #: Supported derivations from an earlier video; see `Derivation`.
    remix: bool = False
    edit: bool = False
    extend: bool = False
    #: Whether it accepts an uploaded clip as the source, not only a video made here.
    takes_clips: bool = False
    #: Whether it can remix only videos that are still on its own server. It then needs
    #: `SourceClip.upstream_id`.
    remix_needs_upstream: bool = False
    #: Maximum length of a clip after extensions, in seconds; None: no known limit.
    longest_s: int | None = None
    #: Whether it accepts clips of stored characters, as references in the field `characters`.
    takes_characters: bool = False
    #: Whether it accepts `GenerationRequest.steering` and reports what it did.
    steers: bool = False
    #: Whether a trained model makes the pixels; false for a program such as `storyboard`. Recorded in the
    #: manifest.
    trained: bool = True
    #: How many requests all processes have at a remote generator at the same time.
    max_concurrent: int = 32
    #: How many requests all processes submit to it within 60 seconds; None: no limit.
    max_submissions_per_minute: int | None = None
    #: After this number of refusals by the provider in a UTC day, no request is sent; None: no limit.
    max_refusals_per_day: int | None = None
    #: US dollars per second of video; None if unknown, 0.0 for own hardware.
    usd_per_second: float | None = None
    #: Texts that the generator writes into every clip by itself, such as the notice of a stand-in. They are
    #: no evidence about the request.
    own_texts: tuple[str, ...] = ()
    #: Description of how the provider's filter is set, for `GET /v1/models`.
    safety_settings: Mapping[str, str] = field(default_factory=dict)

    def supports(self, step: Derivation) -> bool:
        return {Derivation.REMIX: self.remix, Derivation.EDIT: self.edit, Derivation.EXTEND: self.extend}[
            step
        ]


@runtime_checkable
class Generator(Protocol):
    name: str
    billing: Billing

    def info(self) -> GeneratorInfo: ...


@runtime_checkable
class LocalGenerator(Generator, Protocol):
    """Makes the file on this machine. `render` may be called again for the same request after a crash."""

    def render(self, request: GenerationRequest, into: Path, report: Callable[[int], None]) -> RenderResult:
        """Writes the finished MP4 to `into` (atomically); `report` receives the percentage.

        `report` may raise to abort the rendering; the exception passes through.
        """
        ...


@runtime_checkable
class StreamingGenerator(Generator, Protocol):
    """Receives a clip from a server on own hardware while it is made, so that it can be stopped."""

    def receive(
        self,
        request: GenerationRequest,
        into: Path,
        watch: Callable[[Path, int, int], None],
        *,
        max_bytes: int,
    ) -> None:
        """Writes the clip to `into`. May be called again for the same request.

        After each part, `watch` gets `into`, which is playable so far, its frames, and those of the whole
        clip. If `watch` raises, the session is stopped, and the exception passes through.

        `UpstreamUnavailable`: the server did not take the request. `SubmissionUnconfirmed`: the session
        broke. Other errors of `UpstreamError`: it failed.
        """
        ...


@runtime_checkable
class RemoteGenerator(Generator, Protocol):
    """Requests videos from a remote server. Its methods raise subclasses of `UpstreamError`."""

    def submit(self, request: GenerationRequest) -> str:
        """Submits the request once and returns the upstream's id.

        `UpstreamUnavailable`: the upstream certainly did not accept the request. `SubmissionUnconfirmed`: the
        response was lost, so the upstream may have accepted it. `UpstreamModerationBlocked`,
        `SteeringUnavailable`, `UpstreamRejected`: the upstream refused the request.
        """
        ...

    def find(self, key: str) -> str | None:
        """The upstream id of the request with this idempotency key; None: certainly not accepted.

        Raises `SubmissionUnconfirmed` if the upstream cannot tell.
        """
        ...

    def progress(self, upstream_id: str) -> Progress: ...

    def fetch(self, upstream_id: str, into: Path, *, max_bytes: int) -> None:
        """Downloads the result. May be called again with the same `into`: it then continues what an earlier
        call has left beside `into`.

        `UpstreamUnavailable`: try again. `UpstreamInvalidResponse`: the answer is not the promised video.
        `StorageFull`: our disk is full.
        """
        ...

    def delete(self, upstream_id: str) -> bool:
        """Deletes the upstream's copy. Returns False if the upstream does not support deletion."""
        ...


@runtime_checkable
class PreviewSource(Protocol):
    """A generator that may have a blurred preview of a generation that its watcher stopped."""

    def fetch_preview(self, upstream_id: str, *, max_bytes: int) -> bytes:
        """The bytes of a picture, which may be had once. Raises subclasses of `UpstreamError`."""
        ...
