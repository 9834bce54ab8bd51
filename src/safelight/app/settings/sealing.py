"""Settings of seals: visible label, watermark, manifest, signing key, trusted roots, timestamps."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from .section import Section


class SealingSettings(Section):
    seal: Literal["watermark", "c2pa"] = Field(
        default="watermark",
        description="What a delivered file gets: `watermark` (an invisible watermark, for which the picture "
        "is encoded again, and the C2PA manifest) or `c2pa` (the manifest only; the picture is not changed).",
    )
    preset: Literal["ultrafast", "veryfast", "fast", "medium", "slow"] = Field(
        default="veryfast",
        description="Preset of the H.264 encoder for watermarked files. A faster one makes larger files.",
    )
    label_language: Literal["en", "zh-Hant", "zh-Hans"] = Field(
        default="en", description="Language of the text that is drawn into a video with the verdict `label`."
    )
    label_font: Path | None = Field(
        default=None,
        description="Font file for that text. Default: an installed font. English needs none.",
    )
    label_icon: Path | None = Field(
        default=None, description="PNG file of an icon that is drawn left of that text."
    )
    label_text: bool = Field(
        default=True, description="Whether that text is drawn. `false` draws `label_icon` alone."
    )
    organization: str = Field(
        default="Safelight installation",
        description="Organization name in the certificates that Safelight issues itself.",
    )
    key: Path | None = Field(
        default=None, description="Your own P-256 signing key, PEM. Default: Safelight creates one."
    )
    chain: Path | None = Field(
        default=None,
        description="Certificate chain of `key`, PEM, the signing certificate first; set both or neither.",
    )
    anchors: Path | None = Field(
        default=None, description="Root certificates of that chain, PEM. Default: its last certificate."
    )
    trust: Path | None = Field(
        default=None, description="Additional root certificates, PEM, that `safelight verify` trusts."
    )
    training: Literal["not_allowed", "allowed", "not_stated"] = Field(
        default="not_allowed",
        description="What the manifest states about training models on delivered files and about data mining "
        "(`cawg.training-mining`).",
    )
    coverage: Literal["not_stated", "stated"] = Field(
        default="not_stated",
        description="Whether the manifest names the checks that were made, not made and waived. "
        "`not_stated`: it states only that some checks were waived or not completed, if so.",
    )
    timestamp_url: str | None = Field(
        default=None,
        description="URL of a timestamp authority (RFC 3161) that confirms the time of each seal. Set "
        "`timestamp_anchors` too.",
    )
    timestamp_anchors: Path | None = Field(
        default=None, description="Root certificates of the timestamp authority, PEM."
    )

    @model_validator(mode="after")
    def _check_combinations(self) -> SealingSettings:
        if (self.key is None) != (self.chain is None):
            raise ValueError("set both `key` and `chain`, or neither of them")
        if (self.timestamp_url is None) != (self.timestamp_anchors is None):
            raise ValueError("set both `timestamp_url` and `timestamp_anchors`, or neither of them")
        if self.label_icon is None and not self.label_text:
            raise ValueError("set `label_icon`, or leave `label_text` true: a label shows one of them")
        return self
