"""The wire's shapes for the OpenAPI document. Responses are built in `wire`; these only describe them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str = Field(description="One of the codes in docs/errors.md.")
    moderation_details: dict[str, Any] | None = Field(
        default=None, description="On a block: stage, group, rule, evidence, charge and next step, by degree."
    )
    safelight: dict[str, Any] | None = Field(default=None, description="The request id.")


class Error(BaseModel):
    error: ErrorDetail


class VideoError(BaseModel):
    code: str
    message: str
    moderation_details: dict[str, Any] | None = None


class Links(BaseModel):
    self: str
    events: str
    record: str
    content: str | None
    page: str


class Safelight(BaseModel):
    state: str
    stage: str | None
    review_due_at: int | None
    verdict: Literal["allow", "label", "hold", "block"] | None
    explanation: dict[str, Any] | None
    coverage: dict[str, list[str]] | None = Field(
        description="checked, partly, not checked and off, each with cells as `category (modality)`."
    )
    waived: bool
    label: str | None
    charge: dict[str, Any] | None = Field(description="What the upstream took; null until ended.")
    sha256: str | None
    released_from: str | None
    released_as: str | None
    safety_identifier: str | None
    metadata: dict[str, str]
    links: Links


class Video(BaseModel):
    id: str
    object: Literal["video"]
    model: str
    status: Literal["queued", "in_progress", "completed", "failed"]
    progress: int
    created_at: int
    completed_at: int | None
    expires_at: int | None
    prompt: str
    remixed_from_video_id: str | None
    seconds: str
    size: str
    error: VideoError | None
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


_FIELDS: dict[str, Any] = {
    "prompt": {"type": "string"},
    "model": {"type": "string"},
    "seconds": {"type": "string", "examples": ["4"]},
    "size": {"type": "string", "examples": ["1280x720"]},
    "safety_identifier": {"type": "string", "maxLength": 128},
    "metadata": {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 16},
}

#: What `POST /v1/videos` takes. Other fields pass by the generator's allow-list or are refused by name.
CREATE_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["prompt"],
                "properties": {**_FIELDS, "input_reference": {"type": "string", "format": "binary"}},
                "additionalProperties": True,
            }
        },
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["prompt"],
                "properties": {
                    **_FIELDS,
                    "input_reference": {"type": "object", "properties": {"image_url": {"type": "string"}}},
                },
                "additionalProperties": True,
            }
        },
    },
}
