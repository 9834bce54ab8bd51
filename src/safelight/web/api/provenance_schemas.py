"""Schemas of `POST /v1/content_provenance_checks` for the OpenAPI document."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class ManifestResult(BaseModel):
    type: Literal["c2pa"]
    outcome: Literal["detected", "not_detected"]
    validation_state: Literal["trusted", "valid", "invalid", "not_present"]
    issuer: str | None
    model: str | None
    generated_at: str | None


class ProvenanceEvidence(BaseModel):
    kind: str
    says: str
    proves: str
    does_not_prove: str


class ProvenanceAnswer(BaseModel):
    answer: Literal["from_here_unchanged", "from_here_changed", "not_found_here", "cannot_tell"]
    ground: str = Field(description="The evidence that decided the answer; see docs/provenance.md.")
    day: str | None = Field(description="The day of delivery (UTC), if the file comes from here.")
    withdrawn: bool
    repeated: bool = Field(
        description="Whether near-duplicates of one video were checked too often today, so that this is the "
        "answer for them and no watermark was searched."
    )
    mark: str | None = Field(
        description="Whether the delivered file has a watermark (docs/watermark.md), if exact bytes or a "
        "manifest prove the origin; otherwise null."
    )
    id_exists: Literal[True] | None = Field(
        description="True if an id was checked and the tenant of the key has a delivered video with it. "
        "Otherwise null: nothing is said about the videos of other tenants."
    )
    outcome: str | None = Field(
        description="The outcome of the video (`safelight.outcome` of the video), if it is one of the key's "
        "tenant; otherwise null."
    )
    issuer: str
    summary: str
    evidence: list[ProvenanceEvidence] = Field(
        description="The evidence that decided the answer. Watermarks of other services, such as SynthID, "
        "cannot be checked here. A manifest in a file of its own is read by `safelight verify` only."
    )


class ContentProvenanceCheck(BaseModel):
    object: Literal["content_provenance_check"]
    created_at: int
    results: list[ManifestResult] = Field(description="Empty if an id was checked.")
    safelight: ProvenanceAnswer
