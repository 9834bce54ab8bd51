"""Plugins of the remote detectors: text guard, vision guard and transcriber, from the settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.detectors.audio.transcripts import TRANSCRIPT_CAPABILITIES
from safelight.detectors.protocol import (
    Capability,
    Detector,
    DetectorGroup,
    DetectorPlugin,
    PluginOptions,
    RunLocation,
)
from safelight.policy.findings import Modality

if TYPE_CHECKING:
    import httpx

_NO_TEXT_GUARD = (
    "No guard model is configured: safelight.toml needs [detectors.text-guard] with "
    'url = "http://127.0.0.1:9000/v1", model and '
    "format (qwen3guard, llama-guard, shieldgemma, gpt-oss-safeguard, omni-moderation)."
)

_NO_VISION_GUARD = (
    "No guard model for images is configured: safelight.toml needs [detectors.vision-guard] with "
    'url = "http://127.0.0.1:9000/v1", model and format (policy, llama-guard, omni-moderation).'
)
_VERSION = "1"
_NO_TRANSCRIBER = (
    "No transcription server is configured: safelight.toml needs [detectors.transcription] with "
    'url = "http://127.0.0.1:9000/v1" and model. '
    "Without it, Whisper transcribes if it is installed."
)


def _missing(options: PluginOptions) -> str | None:
    from .guard_formats import GUARD_FORMATS

    if not options.get("url") or not options.get("model"):
        return _NO_TEXT_GUARD
    if options.get("format") not in GUARD_FORMATS:
        return f"The guard's format should be one of {', '.join(GUARD_FORMATS)}."
    return None


def _load(options: PluginOptions, name: str) -> Detector:
    from .guard_formats import GUARD_FORMATS
    from .text_guard import AskMode, GuardDetector, GuardOptions

    known = {
        option: options[option]
        for option in (
            "low",
            "high",
            "timeout_s",
            "failure_threshold",
            "cooldown_s",
            "calls_per_day",
            "max_characters",
        )
        if option in options
    }
    chosen = GuardOptions(
        model=str(options["model"]),
        name=name,
        mode=AskMode(options.get("mode", "always")),
        categories=frozenset(options.get("categories", ())),
        measurements=Path(options["measurements"]) if options.get("measurements") else None,
        **known,
    )
    return GuardDetector(
        _client(options, read_s=chosen.timeout_s), GUARD_FORMATS[str(options["format"])], chosen
    )


def _client(options: PluginOptions, *, connect_s: float = 1.0, read_s: float) -> httpx.Client:
    from safelight.core.net.client import Timeouts, upstream_client

    key = os.environ.get(str(options["api_key_env"]), "") if options.get("api_key_env") else ""
    url = str(options["url"]).rstrip("/") + "/"
    return upstream_client(url, api_key=key, timeouts=Timeouts(connect_s=connect_s, read_s=read_s))


def _claims(options: PluginOptions) -> tuple[Capability, ...]:
    from .guard_formats import GUARD_FORMATS

    guard_format = GUARD_FORMATS.get(str(options.get("format")))
    named = () if guard_format is None else guard_format.categories
    return tuple(Capability(category=category, modality=Modality.TEXT) for category in named)


def _vision_missing(options: PluginOptions) -> str | None:
    from .vision_formats import VISION_FORMATS

    if not options.get("url") or not options.get("model"):
        return _NO_VISION_GUARD
    if options.get("format") not in VISION_FORMATS:
        return f"The format of a vision guard should be one of {', '.join(VISION_FORMATS)}."
    return None


def _vision_load(options: PluginOptions, name: str) -> Detector:
    from .vision_formats import VISION_FORMATS
    from .vision_guard import VisionGuard, VisionOptions

    known_options = (
        "timeout_s",
        "total_timeout_s",
        "failure_threshold",
        "cooldown_s",
        "calls_per_day",
        "max_keyframes",
    )
    known = {option: options[option] for option in known_options if option in options}
    chosen = VisionOptions(model=str(options["model"]), **known)
    return VisionGuard(
        _client(options, read_s=chosen.timeout_s),
        VISION_FORMATS[str(options["format"])],
        chosen,
        name=name,
    )


def _vision_claims(options: PluginOptions) -> tuple[Capability, ...]:
    from .vision_formats import VISION_FORMATS
    from .vision_guard import capabilities

    guard_format = VISION_FORMATS.get(str(options.get("format")))
    return () if guard_format is None else capabilities(guard_format)


def _guards(
    name: str,
    location: RunLocation,
    *,
    load: Callable[[PluginOptions, str], Detector],
    missing: Callable[[PluginOptions], str | None],
    claims: Callable[[PluginOptions], tuple[Capability, ...]],
) -> DetectorPlugin:
    """The plugin of the guard in the table `name`, and of those in the tables `name.others.NAME`.

    The settings of the guards determine the cells that they fill. Without them they declare none.
    """

    def tables(options: PluginOptions) -> dict[str, PluginOptions]:
        others = options.get("others", {})
        return {name: options} | {f"{name}:{other}": table for other, table in others.items()}

    def load_all(options: PluginOptions) -> Detector:
        guards = (load(table, guard) for guard, table in tables(options).items())
        return DetectorGroup(name, _VERSION, guards)

    def why_missing(options: PluginOptions) -> str | None:
        return next((why for table in tables(options).values() if (why := missing(table))), None)

    def claims_of_all(options: PluginOptions) -> tuple[Capability, ...]:
        return tuple(dict.fromkeys(one for table in tables(options).values() for one in claims(table)))

    return DetectorPlugin(
        name=name,
        version=_VERSION,
        location=location,
        capabilities=(),
        load=load_all,
        missing=why_missing,
        configured_capabilities=claims_of_all,
    )


GUARD = _guards("text-guard", RunLocation.GATEWAY, load=_load, missing=_missing, claims=_claims)
VISION_GUARD = _guards(
    "vision-guard", RunLocation.SCENE, load=_vision_load, missing=_vision_missing, claims=_vision_claims
)


def _transcription_missing(options: PluginOptions) -> str | None:
    return None if options.get("url") and options.get("model") else _NO_TRANSCRIBER


def _load_transcription(options: PluginOptions) -> Detector:
    from .transcription import EndpointTranscriber, TranscriptionOptions

    chosen = TranscriptionOptions(
        model=str(options["model"]),
        language=str(options.get("language", "")),
        failure_threshold=int(options.get("failure_threshold", 3)),
        timeout_s=float(options.get("timeout_s", 30.0)),
        timeout_per_s=float(options.get("timeout_per_s", 0.5)),
        cooldown_s=float(options.get("cooldown_s", 30.0)),
        max_mb=float(options.get("max_mb", 25.0)),
        minutes_per_day=float(options.get("minutes_per_day", 0.0)),
    )
    return EndpointTranscriber(_client(options, connect_s=5.0, read_s=chosen.timeout_s), chosen)


TRANSCRIPTION = DetectorPlugin(
    name="transcription",
    version="1",
    location=RunLocation.TRANSCRIBER,
    capabilities=TRANSCRIPT_CAPABILITIES,
    load=_load_transcription,
    missing=_transcription_missing,
    transcribes=True,
)
