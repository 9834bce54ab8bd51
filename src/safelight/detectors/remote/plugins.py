"""Plugins of the remote detectors: text guard, vision guard and transcriber, from the settings."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.detectors.audio.transcripts import TRANSCRIPT_CAPABILITIES
from safelight.detectors.protocol import (
    Abstained,
    Capability,
    Detector,
    DetectorPlugin,
    RunLocation,
    TextContent,
)
from safelight.policy.findings import Finding, Modality

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


def _missing(options: dict[str, Any]) -> str | None:
    from .guard_formats import GUARD_FORMATS

    if not options.get("url") or not options.get("model"):
        return _NO_TEXT_GUARD
    if options.get("format") not in GUARD_FORMATS:
        return f"The guard's format should be one of {', '.join(GUARD_FORMATS)}."
    return None


def _load(options: dict[str, Any]) -> Detector:
    from safelight.detectors.text.classifier_detectors import NgramDetector
    from safelight.detectors.text.classifiers import load
    from safelight.detectors.text.words import load_shipped

    from .guard_formats import GUARD_FORMATS
    from .text_guard import AskMode, GuardDetector, GuardOptions

    known = {
        name: options[name]
        for name in (
            "low",
            "high",
            "timeout_s",
            "failure_threshold",
            "cooldown_s",
            "calls_per_day",
            "max_characters",
        )
        if name in options
    }
    chosen = GuardOptions(
        model=str(options["model"]),
        mode=AskMode(options.get("mode", "always")),
        categories=frozenset(options.get("categories", ())),
        measurements=Path(options["measurements"]) if options.get("measurements") else None,
        **known,
    )
    client = _client(options, chosen.timeout_s)
    words = load_shipped()
    grams = NgramDetector(load())

    def find_local(content: TextContent) -> list[Finding]:
        found = list(words.inspect_text(content))
        # A text that the classifier cannot judge is still judged by the lists.
        with contextlib.suppress(Abstained):
            found += grams.inspect_text(content)
        return found

    return GuardDetector(
        client,
        GUARD_FORMATS[str(options["format"])],
        chosen,
        local=find_local,
    )


def _client(options: dict[str, Any], read_s: float) -> httpx.Client:
    from safelight.net.client import Timeouts, upstream_client

    key = os.environ.get(str(options["api_key_env"]), "") if options.get("api_key_env") else ""
    url = str(options["url"]).rstrip("/") + "/"
    return upstream_client(url, api_key=key, timeouts=Timeouts(connect_s=1.0, read_s=read_s))


def _claims(options: dict[str, Any]) -> tuple[Capability, ...]:
    from .guard_formats import GUARD_FORMATS

    guard_format = GUARD_FORMATS.get(str(options.get("format")))
    named = () if guard_format is None else guard_format.categories
    return tuple(Capability(category=category, modality=Modality.TEXT) for category in named)


def _vision_missing(options: dict[str, Any]) -> str | None:
    from .vision_formats import VISION_FORMATS

    if not options.get("url") or not options.get("model"):
        return _NO_VISION_GUARD
    if options.get("format") not in VISION_FORMATS:
        return f"The format of a vision guard should be one of {', '.join(VISION_FORMATS)}."
    return None


def _vision_load(options: dict[str, Any]) -> Detector:
    from .vision_formats import VISION_FORMATS
    from .vision_guard import VisionGuard, VisionOptions

    names = (
        "timeout_s",
        "total_timeout_s",
        "failure_threshold",
        "cooldown_s",
        "calls_per_day",
        "max_keyframes",
    )
    known = {name: options[name] for name in names if name in options}
    chosen = VisionOptions(model=str(options["model"]), **known)
    return VisionGuard(
        _client(options, chosen.timeout_s),
        VISION_FORMATS[str(options["format"])],
        chosen,
        name="vision-guard",
    )


def _vision_claims(options: dict[str, Any]) -> tuple[Capability, ...]:
    from .vision_formats import VISION_FORMATS
    from .vision_guard import capabilities

    guard_format = VISION_FORMATS.get(str(options.get("format")))
    return () if guard_format is None else capabilities(guard_format)


#: The settings of the guard determine the cells that it fills. Without them it declares none.
GUARD = DetectorPlugin(
    name="text-guard",
    version="1",
    location=RunLocation.GATEWAY,
    capabilities=(),
    load=_load,
    missing=_missing,
    configured_capabilities=_claims,
)

VISION_GUARD = DetectorPlugin(
    name="vision-guard",
    version="1",
    location=RunLocation.SCENE,
    capabilities=(),
    load=_vision_load,
    missing=_vision_missing,
    configured_capabilities=_vision_claims,
)

_NO_TRANSCRIBER = (
    "No transcription server is configured: safelight.toml needs [detectors.transcription] with "
    'url = "http://127.0.0.1:9000/v1" and model. '
    "Speech is not transcribed, so the words in it are not checked."
)


def _transcription_missing(options: dict[str, Any]) -> str | None:
    return None if options.get("url") and options.get("model") else _NO_TRANSCRIBER


def _load_transcription(options: dict[str, Any]) -> Detector:
    from safelight.net.client import Timeouts, upstream_client

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
    key = os.environ.get(str(options["api_key_env"]), "") if options.get("api_key_env") else ""
    url = str(options["url"]).rstrip("/") + "/"
    client = upstream_client(url, api_key=key, timeouts=Timeouts(connect_s=5.0, read_s=chosen.timeout_s))
    return EndpointTranscriber(client, chosen)


TRANSCRIPTION = DetectorPlugin(
    name="transcription",
    version="1",
    location=RunLocation.TRANSCRIBER,
    capabilities=TRANSCRIPT_CAPABILITIES,
    load=_load_transcription,
    missing=_transcription_missing,
    transcribes=True,
)
