"""What a generator is: an order in, a video file out, and an honest word on what it cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


class Billing(StrEnum):
    #: Our own hardware: may be called again after a crash.
    OWN = "own"
    #: Costs per call: called at most once per accepted job.
    PAID = "paid"


class ChargeStatus(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What the upstream took for one attempt."""

    charged: ChargeStatus
    #: Amount in `currency`, where known.
    amount: float | None = None
    currency: str = "USD"
    #: Where this comes from: `upstream` (it said so), `documented`, `price list`, `own hardware`.
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class ReferenceFile:
    """Media that goes with an order: fetched once by us, screened, handed on as bytes."""

    path: Path
    media_type: str
    #: The request field it came in: `input_reference`, `video_reference` ...
    field: str
    sha256: str


class Derivation(StrEnum):
    """How a video comes from an earlier one."""

    #: The same scene with other words.
    REMIX = "remix"
    #: The same clip, changed as the words say.
    EDIT = "edit"
    #: The clip, and what comes after it.
    EXTEND = "extend"


@dataclass(frozen=True, kw_only=True)
class SourceClip:
    """What an order starts from. All of it has been screened, alone and together with the order's prompt."""

    step: Derivation
    #: One of our delivered files, or a clip that came with the request.
    clip: ReferenceFile
    #: Seconds of the clip, rounded up.
    seconds: int
    #: The prompts the clip descends from, the oldest first; empty for an uploaded clip.
    prompts: tuple[str, ...] = ()
    #: The upstream's id of the clip, where the same generator made it and still has it.
    upstream_id: str = ""


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """What is asked of a generator. Everything in it has been screened."""

    #: Our idempotency key for this attempt; handed to upstreams that take one.
    key: str
    model: str
    prompt: str
    seconds: int
    width: int
    height: int
    references: tuple[ReferenceFile, ...] = ()
    #: Fields the upstream's allow-list lets pass: `seed`, `fps`, `num_inference_steps` ...
    extra: Mapping[str, Any] = field(default_factory=dict)
    #: For a remix, an edit or an extension; `seconds` is then the length of the whole result.
    basis: SourceClip | None = None

    @property
    def composed(self) -> str:
        """Every prompt this order rests on, the oldest first, as one text."""
        return combine_prompts(self.basis.prompts if self.basis else (), self.prompt)


def combine_prompts(prompts: Iterable[str], prompt: str) -> str:
    """The words of a chain of videos as one text: screened whole, and what a generator may be sent."""
    return "\n".join((*prompts, prompt))


class UpstreamState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class ProviderRefusal:
    """What a provider's own filter said, normalised."""

    provider: str
    #: input | output | unknown
    stage: str
    #: Our category or group where it can be told, else empty.
    category: str
    #: The provider's own code and sentence, secrets masked.
    code: str
    message: str
    charged: ChargeStatus
    #: same | new_seed | change_prompt | never
    retry: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The upstream's word on an order. `refusal` where its filter said no, `problem` where it broke."""

    state: UpstreamState
    #: 0 to 100, or None where the upstream does not say.
    percent: int | None = None
    refusal: ProviderRefusal | None = None
    problem: str = ""
    charge: Charge | None = None
    #: Wait this long before asking again, where the upstream says.
    poll_after_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class GeneratorInfo:
    """What a generator can do; orders outside it are refused by name before anything is spent."""

    models: tuple[str, ...]
    seconds: tuple[int, ...]
    #: (width, height) pairs; empty: any within `max_pixels`.
    sizes: tuple[tuple[int, int], ...]
    #: Names of extra request fields that may pass, with the type each must have: int, float, bool or str.
    #: A `str` here is text for screening purposes only if it is also in `text_fields`.
    extra_fields: Mapping[str, type] = field(default_factory=dict)
    #: Extra fields whose content is words: screened like the prompt.
    text_fields: frozenset[str] = frozenset()
    takes_reference: bool = True
    #: What it can make of an earlier video; see `Step`.
    remix: bool = False
    edit: bool = False
    extend: bool = False
    #: It can start from a clip that was uploaded, not only from a video made here.
    takes_clips: bool = False
    #: It can remix only what its own server still has: `Basis.upstream_id` is needed.
    remix_needs_upstream: bool = False
    #: The longest a clip may become by extensions, in seconds; None: no limit known.
    longest_s: int | None = None
    #: Clips of stored characters may go with an order, as references of the field `characters`.
    takes_characters: bool = False
    #: A trained model makes the pixels; False for a program such as `storyboard`. Goes into the manifest.
    trained: bool = True
    #: USD per second of video, or None: unknown. 0.0 for own hardware.
    usd_per_second: float | None = None
    #: Free text: what the provider's own filter is set to, for `GET /v1/models`.
    safety_settings: Mapping[str, str] = field(default_factory=dict)

    def supports(self, step: Derivation) -> bool:
        return {Derivation.REMIX: self.remix, Derivation.EDIT: self.edit, Derivation.EXTEND: self.extend}[
            step
        ]


@runtime_checkable
class Generator(Protocol):
    name: str
    ownership: Billing

    def info(self) -> GeneratorInfo: ...


@runtime_checkable
class LocalGenerator(Generator, Protocol):
    """Makes the file on this machine. `render` may be called again for the same order after a crash."""

    def render(self, order: GenerationRequest, into: Path, report: Callable[[int], None]) -> Charge:
        """Write the finished MP4 to `into` (atomically); `report` takes percent done.

        `report` may raise to abort the rendering; the exception passes through.
        """
        ...


@runtime_checkable
class RemoteGenerator(Generator, Protocol):
    """Orders from somebody's server. Every method raises only `UpstreamError`s."""

    def submit(self, order: GenerationRequest) -> str:
        """Send the order once and return the upstream's id.

        `UpstreamUnavailable`: certainly not taken. `SubmitUnknown`: the answer was lost.
        `UpstreamRefused`, `UpstreamRejected`: it said no.
        """
        ...

    def find(self, key: str) -> str | None:
        """The upstream id of the order with this key; None: certainly not there.

        Raises `SubmitUnknown` where the upstream cannot tell.
        """
        ...

    def progress(self, upstream_id: str) -> Progress: ...

    def fetch(self, upstream_id: str, into: Path, *, max_bytes: int) -> None:
        """Download the result. `UpstreamLied` where it is not the video that was promised."""
        ...

    def delete(self, upstream_id: str) -> bool:
        """Remove the upstream's copy; False where it does not let us."""
        ...
