"""Schemas for the OpenAPI document.

They only describe responses. `serializers` and the routes build the responses.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from safelight.videos.models import RetryRefusal

#: A query parameter that identifies an end user, read as `optional_identifier` reads a field.
Identifier = Annotated[str, StringConstraints(strip_whitespace=True)]
IDEMPOTENCY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Idempotency key: the same key with the same body returns the same video.",
    "schema": {"type": "string", "maxLength": 255},
}
#: The most inputs of one request.
MAX_TEXTS, MAX_IMAGES, MAX_CLIPS = 64, 8, 1


class Health(BaseModel):
    status: Literal["ok"]
    version: str


class Readiness(BaseModel):
    ready: bool = Field(
        description="If the server listens on a loopback address, the response also has the reasons."
    )
    unready: list[str] = Field(
        description="The parts that do not work, such as `database`, `sweeper` or `notifier`."
    )


class VideoError(BaseModel):
    code: str
    message: str
    moderation_details: dict[str, Any] | None = None


class VideoLinks(BaseModel):
    self: str
    events: str
    record: str
    content: str | None
    page: str


class QueuePlace(BaseModel):
    place: int | None = Field(
        description="1: the video is in work or comes next; null while an upstream works on it."
    )


class VideoTemplate(BaseModel):
    name: str
    version: int
    values: dict[str, str]


class Late(BaseModel):
    since: int
    message: str


class Generation(BaseModel):
    asked: list[str] = Field(description="The methods that the policy asked for.")
    required: list[str] = Field(description="Those of them without which the video is held.")
    applied: list[str] = Field(description="Those that were in effect, by what the generator says.")
    gaps: list[str] = Field(description="What the generator could not do, by name.")
    checks: int = Field(description="How often the unfinished clip was checked.")
    steps: int | None
    steps_done: int | None = Field(description="The steps that were computed.")
    saved_share: float | None = Field(description="The share of the steps that were not computed.")
    problem: str | None = Field(description="Why nothing is known about the steering, or nothing was made.")


class Safelight(BaseModel):
    state: str
    stage: str | None
    review_due_at: int | None
    queue: QueuePlace | None = Field(description="Null if the video is held or has ended.")
    late: Late | None = Field(
        description="Set after the deadline, while our own work goes on or the generator does not answer."
    )
    download_problem: str | None = Field(
        description="Why a finished clip is not here yet: what its provider does, how often the download was "
        "tried, the charge, and until when it is tried again."
    )
    clip_kept_until: int | None = Field(
        description="Until when the paid clip of an ended video is kept, shown to nobody, for a decision."
    )
    verdict: Literal["allow", "label", "hold", "block"] | None
    outcome: (
        Literal["allow", "label", "hold", "block", "allowed_under_waiver", "approved_with_gaps"] | None
    ) = Field(
        description="The verdict; `allowed_under_waiver` if required checks were waived for it, and "
        "`approved_with_gaps` if a reviewer released it although required checks were not completed."
    )
    explanation: dict[str, Any] | None
    coverage: dict[str, list[str]] | None = Field(
        description="`checked`, `partly`, `not checked` and `off`, each with cells as `category (modality)`."
    )
    waived: bool
    reviewed: bool = Field(description="Whether a reviewer released it, after a hold or a block.")
    label: str | None
    charge: dict[str, Any] | None = Field(description="What the upstream charged; null until the video ends.")
    not_drawn: list[str] | None = Field(
        description="Words of the prompt for things that the generator says it did not draw; null until the "
        "video ends."
    )
    generation: Generation | None = Field(
        description="How the generation was steered and watched; null if it was not, or not yet."
    )
    sha256: str | None
    reinstated_from: str | None
    reinstated_as: str | None
    retry_of: str | None = Field(description="The video that this one repeats, by `safelight.retry`.")
    retried_as: str | None = Field(description="The video that repeats this one.")
    retry_refused: Literal[*RetryRefusal] | None = Field(  # type: ignore[valid-type]
        description="Why the video was not retried although `safelight.retry` asked for it."
    )
    template: VideoTemplate | None = Field(description="The template from which the prompt was made.")
    safety_identifier: str | None
    metadata: dict[str, str]
    links: VideoLinks


class Video(BaseModel):
    id: str
    object: Literal["video"]
    model: str
    status: Literal["queued", "in_progress", "completed", "failed"]
    progress: int
    created_at: int
    completed_at: int | None
    expires_at: int | None
    prompt: str | None = Field(
        description="Null if it is withheld: another account requested this vaulted or quarantined video."
    )
    remixed_from_video_id: str | None
    seconds: str
    size: str
    error: VideoError | None
    url: str | None = Field(description="The path of the file; null until it is delivered.")
    metadata: dict[str, str]
    safelight: Safelight


class VideoPage(BaseModel):
    object: Literal["list"]
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class VideoDeleted(BaseModel):
    id: str
    object: Literal["video.deleted"]
    deleted: bool


class CharacterStatus(BaseModel):
    state: Literal["ready", "held"] = Field(
        description="A character with the state `held` waits for review and cannot be used yet."
    )


class Character(BaseModel):
    id: str
    object: Literal["video.character"]
    created_at: int
    name: str
    safelight: CharacterStatus


class ModelDetails(BaseModel):
    generator: str
    alias_of: str | None = Field(description="The model that this name stands for. Null for a model.")
    billing: Literal["own", "paid"]
    seconds: list[int]
    max_extended_s: int | None = Field(description="Maximum length of a clip after extensions, in seconds.")
    sizes: list[str] = Field(description="Empty: any.")
    usd_per_second: float | None = Field(description="Null if unknown.")
    operations: dict[str, bool]
    fields: list[str] = Field(description="Additional fields that a request for this model may have.")
    safety_settings: dict[str, str] = Field(description="Settings of the provider's own filter.")
    refusal_budget: Literal["open", "half_used", "used"] | None = Field(
        description="How much of the daily budget of refusals is used. Null without a budget."
    )
    template_required: bool = Field(
        description="Whether the policy refuses requests that name no approved template."
    )
    checks: dict[str, list[str]] = Field(
        description="`checked`, `not checked` and `off`, each with its cells as `category (modality)`."
    )


class Model(BaseModel):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    safelight: ModelDetails


class ModelPage(BaseModel):
    object: Literal["list"]
    data: list[Model]


class ModerationFacts(BaseModel):
    category_scores: dict[str, float] = Field(description="The scores of our own categories.")
    not_checked: list[str] = Field(description="Categories that no installed detector checks in this input.")
    verdict: Literal["allow", "label", "hold", "block"] | None = Field(
        description="The verdict of the policy on the clip; null without a clip."
    )
    coverage: dict[str, list[str]] | None = Field(
        description="The status of each check of the clip; null without a clip."
    )


class Moderation(BaseModel):
    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[Literal["text", "image", "video"]]]
    safelight: ModerationFacts


class Moderations(BaseModel):
    id: str
    model: str
    results: list[Moderation]


class GuardrailAnswer(BaseModel):
    action: Literal["NONE", "BLOCKED"]
    blocked_reason: str | None = Field(None, description="Only of a blocked request.")


class VideoRecord(BaseModel):
    object: Literal["video.record"]
    video: Video
    stages: list[dict[str, Any]]
    attempts: list[dict[str, Any]]
    seal: dict[str, Any] | None
    parents: list[dict[str, Any]]
    audit_log: list[dict[str, Any]]


class VideoCheck(BaseModel):
    object: Literal["video.check"]
    verdict: Literal["allow", "label", "hold", "block", "undecided"] = Field(
        description="`undecided`: a reference in `not_checked` can still lead to a hold or a block."
    )
    outcome: Literal["allow", "label", "hold", "block", "undecided", "allowed_under_waiver"] = Field(
        description="The verdict; `allowed_under_waiver` if required checks were waived for it."
    )
    summary: str
    answer: Literal["help", "ask", "refuse"] = Field(
        description="Whether there may be suggestions; `ask`: if the prompt states what happens, to whom."
    )
    moderation_details: dict[str, Any]
    coverage: dict[str, list[str]]
    depth: dict[str, Literal["lists", "learned"]] = Field(
        description="How each category was checked in text: by word lists alone or by a classifier too."
    )
    not_checked: list[str] = Field(
        description="Fields with references whose check did not finish in time: 45 s for all of them."
    )
    scan_seconds: dict[str, float] = Field(
        description="The estimated time of the scan of each clip in `not_checked`."
    )
    template_required: bool = Field(
        description="Whether `POST /v1/videos` would refuse it, because the policy demands a template."
    )
    checklist: list[dict[str, Any]]
    provider: dict[str, Any] | None
    model: str
    generator: str
    seconds: str
    size: str
    price: dict[str, Any]
    spent: dict[str, float]


class AdviceCheck(VideoCheck):
    object: Literal["safelight.check"]  # type: ignore[assignment]
    risk_level: Literal["low", "medium", "high", "unknown"]
    risk: dict[str, Any] = Field(description="Level, reason, source; `estimate` from 50 own outcomes on.")
    drivers: list[dict[str, Any]] = Field(
        description="Parts of the request that a provider's filter may react to, with source and date."
    )
    contradictions: list[dict[str, Any]]
    suggestions: list[dict[str, Any]] = Field(
        description="What can be written instead. `number`: for `apply`; null for advice without a rewrite."
    )
    rewriter: dict[str, Any] | None = Field(description="The rewrites of a language model in numbers.")
    documented_refusals: dict[str, Any] | None = Field(
        description="Without `provider`: the providers that document that they refuse, or may refuse, this."
    )
    no_suggestions: dict[str, str] | None
    fix: dict[str, Any] | None
    questions: list[dict[str, str]]
    help_lines: list[dict[str, Any]]
    applied: dict[str, Any] | None = Field(description="Rewritten prompt, difference, stricter verdict.")


class CoverageTable(BaseModel):
    cells: list[dict[str, Any]] = Field(
        description="One entry per category and modality, with its status and the reason."
    )


class ProviderErrorCharge(BaseModel):
    charged: str
    amount: float | None
    currency: str | None
    source: str | None


class ProviderErrorRetry(BaseModel):
    action: str
    after_s: float | None


class ProviderErrorGate(BaseModel):
    gate: str
    text: str
    test: str
    #: Empty: the evidence of other attempts needs the attempt log.
    evidence: list[dict[str, Any]]


class NextPrompt(BaseModel):
    step: str = Field(
        description="changed, same, reference, again: send `prompt`. Else there is none, and `text` says why."
    )
    prompt: str | None
    text: str
    change: str | None
    condition: str | None
    diff: list[dict[str, Any]]


class RefusedPromptAnswer(BaseModel):
    answer: Literal["help", "ask", "refuse"]
    words: list[dict[str, Any]] = Field(description="The words that a filter of the provider may react to.")
    risk: str | None
    next: NextPrompt
    price: dict[str, Any] | None = Field(description="Of one try; null if the price list has none.")
    help_lines: list[dict[str, Any]]
    checks: int = Field(description="How many checks were counted.")


class ProviderErrorExplanation(BaseModel):
    object: Literal["provider_error"]
    source: str
    provider: str | None
    likely_provider: str | None = Field(
        description="The provider that uses these words, if nothing else in the text names it."
    )
    via: str | None
    kind: str
    stage: str
    category: str | None
    charged: ProviderErrorCharge
    retry: ProviderErrorRetry
    summary: str
    next_step: str
    confidence: str
    code: str | None
    message: str | None
    gate: ProviderErrorGate
    appeal: list[dict[str, Any]] | None = Field(
        description="The documented ways to contest a block, or that the service has ended; empty if none "
        "is known, null if it is no block."
    )
    prompt: RefusedPromptAnswer | None = Field(description="The answer about `prompt`; null without one.")
