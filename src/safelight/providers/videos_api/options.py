"""Settings of one upstream server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import msgspec

from safelight.providers.protocol import MEDIA_FIELDS, Billing, Derivation, GeneratorInfo
from safelight.providers.upstream.options import FIELD_TYPES, Positive, RemoteOptions, convert_options

from .profiles import with_profile

#: Fields that every create request may have. `extra_fields` must not name them.
OWN_FIELDS = frozenset(
    {"prompt", "model", "seconds", "size", "input_reference", "metadata", "steering", "extra_params"}
)


class Options(RemoteOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one server with `/v1/videos`. `url` includes the version: `http://gpu-1:8091/v1`."""

    name: str = "videos_api"
    billing: Billing = Billing.PAID
    #: The kind of server, whose fields are then accepted without further settings; see `profiles`.
    profile: Literal["", "vllm-omni", "sglang", "litellm", "safelight-steer"] = ""
    #: Extra request fields that are passed on, with their types.
    extra_fields: dict[str, Literal["int", "float", "bool", "str"]] = msgspec.field(default_factory=dict)
    #: The extra fields that contain text.
    text_fields: frozenset[str] = frozenset()
    #: Whether fields that are in no list are passed on too. Their texts are screened; addresses are refused.
    pass_unknown_fields: bool = False
    #: The server's name for the file field `input_reference`; empty: files are not supported.
    reference_field: str = "input_reference"
    #: Other fields with media that the server accepts, each with its form: `file` (a part of the form), `url`
    #: (a data URL), or `json` (a JSON object with a data URL as `image_url` or `video_url`).
    media_fields: dict[str, Literal["file", "url", "json"]] = msgspec.field(default_factory=dict)
    #: Derivations that the server supports with OpenAI's routes `/remix`, `/edits` and `/extensions`.
    operations: frozenset[Derivation] = frozenset()
    #: Whether to send a remix as a new video with all prompts combined, if the server cannot remix or no
    #: longer has the source.
    remix_as_new: bool = False
    #: The server's field name for a character's clip; empty: characters are not supported.
    character_field: str = ""
    #: Encoding of requests without a file; requests with a file are always multipart. Some SGLang versions
    #: accept requests without a file only as JSON.
    request_encoding: Literal["multipart", "json"] = "multipart"
    #: Name of our idempotency key in `metadata`, if the server accepts and returns metadata; else empty.
    idempotency_metadata_key: str = ""
    #: Seconds until an accepted request appears in the server's list.
    list_lag_s: Positive = 10.0
    #: Whether the server accepts the field `steering` and reports in `safelight.generation` what it did. With
    #: the profile `vllm-omni`: whether its workers have the extension of `packages/steer`.
    steering: bool = False
    safety_settings: dict[str, str] = msgspec.field(default_factory=dict)

    def info(self) -> GeneratorInfo:
        own = self.billing is Billing.OWN
        return replace(
            super().info(),
            extra_fields={name: FIELD_TYPES[kind] for name, kind in self.extra_fields.items()},
            text_fields=self.text_fields,
            passes_unknown_fields=self.pass_unknown_fields,
            field_settings="`extra_fields`, `profile` or `pass_unknown_fields`",
            takes_reference=bool(self.reference_field),
            media_fields=frozenset(self.media_fields),
            remix=Derivation.REMIX in self.operations or self.remix_as_new,
            edit=Derivation.EDIT in self.operations,
            extend=Derivation.EXTEND in self.operations,
            takes_clips=bool({Derivation.EDIT, Derivation.EXTEND} & self.operations),
            remix_needs_upstream=Derivation.REMIX in self.operations and not self.remix_as_new,
            takes_characters=bool(self.character_field),
            steers=self.steering,
            usd_per_second=0.0 if own and self.usd_per_second is None else self.usd_per_second,
            safety_settings=self.safety_settings,
        )

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if taken := OWN_FIELDS & self.extra_fields.keys():
            yield f"`extra_fields` names {min(taken)}, which is part of every request."
        known = MEDIA_FIELDS - OWN_FIELDS
        if unknown := self.media_fields.keys() - known:
            yield f"`media_fields` names {min(unknown)}; known are {', '.join(sorted(known))}."
        if taken := known & self.extra_fields.keys():
            yield f"`extra_fields` names {min(taken)}, which contains media: put it into `media_fields`."
        if missing := self.text_fields - self.extra_fields.keys():
            yield f"`text_fields` names {min(missing)}, which is not in `extra_fields`."


def read_options(table: dict[str, Any]) -> Options:
    """The validated options of a settings table. Raises `SettingsError` with the invalid option and the
    reason.
    """
    return convert_options(with_profile({"name": "videos_api", **table}), Options)
