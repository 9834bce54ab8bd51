"""What the entry points name: a guard model and a transcriber, where the settings configure them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.detectors.audio.transcripts import WORDS
from safelight.detectors.protocol import Capability, Detector, DetectorPlugin, RunLocation
from safelight.policy.findings import Modality

if TYPE_CHECKING:
    import httpx

_SENTENCE = (
    'No guard model is configured: [detectors.guard] with url = "http://127.0.0.1:8000/v1", model and '
    "grammar (qwen3guard, llama-guard, shieldgemma, gpt-oss-safeguard, omni-moderation)."
)

_VISION_SENTENCE = (
    'No guard that sees is configured: [detectors.vision-guard] with url = "http://127.0.0.1:8000/v1", model'
    " and grammar (policy, llama-guard, omni-moderation)."
)


def _missing(options: dict[str, Any]) -> str | None:
    from .guard_formats import GRAMMARS

    if not options.get("url") or not options.get("model"):
        return _SENTENCE
    if options.get("grammar") not in GRAMMARS:
        return f"The guard's grammar should be one of {', '.join(GRAMMARS)}."
    return None


def _load(options: dict[str, Any]) -> Detector:
    from safelight.detectors.text.classifier_detectors import NgramDetector
    from safelight.detectors.text.classifiers import load
    from safelight.detectors.text.lists import ListDetector, read_list, shipped

    from .guard_formats import GRAMMARS
    from .text_guard import AskMode, GuardDetector, GuardOptions

    known = {
        name: options[name]
        for name in ("low", "high", "timeout_s", "trips_after", "rests_s", "calls_per_day", "longest")
        if name in options
    }
    chosen = GuardOptions(
        model=str(options["model"]),
        ask=AskMode(options.get("ask", "always")),
        about=frozenset(options.get("about", ())),
        **known,
    )
    client = _client(options, chosen.timeout_s)
    words = ListDetector(entry for text in shipped() for entry in read_list(text))
    grams = NgramDetector(load())
    return GuardDetector(
        client,
        GRAMMARS[str(options["grammar"])],
        chosen,
        local=lambda content: [*words.inspect_text(content), *grams.inspect_text(content)],
        figures=Path(options["figures"]) if options.get("figures") else None,
    )


def _client(options: dict[str, Any], read_s: float) -> httpx.Client:
    from safelight.net.client import Timeouts, upstream_client

    key = os.environ.get(str(options["api_key_env"]), "") if options.get("api_key_env") else ""
    url = str(options["url"]).rstrip("/") + "/"
    return upstream_client(url, api_key=key, timeouts=Timeouts(connect_s=1.0, read_s=read_s))


def _claims(options: dict[str, Any]) -> tuple[Capability, ...]:
    from .guard_formats import GRAMMARS

    grammar = GRAMMARS.get(str(options.get("grammar")))
    named = () if grammar is None else grammar.categories
    return tuple(Capability(category=category, modality=Modality.TEXT) for category in named)


def _vision_missing(options: dict[str, Any]) -> str | None:
    from .vision_formats import VISION

    if not options.get("url") or not options.get("model"):
        return _VISION_SENTENCE
    if options.get("grammar") not in VISION:
        return f"The grammar of a guard that sees should be one of {', '.join(VISION)}."
    return None


def _vision_load(options: dict[str, Any]) -> Detector:
    from .vision_formats import VISION
    from .vision_guard import VisionGuard, VisionOptions

    names = ("timeout_s", "total_s", "trips_after", "rests_s", "calls_per_day", "stills")
    known = {name: options[name] for name in names if name in options}
    chosen = VisionOptions(model=str(options["model"]), **known)
    return VisionGuard(
        _client(options, chosen.timeout_s), VISION[str(options["grammar"])], chosen, name="vision-guard"
    )


def _vision_claims(options: dict[str, Any]) -> tuple[Capability, ...]:
    from .vision_formats import VISION
    from .vision_guard import capabilities

    grammar = VISION.get(str(options.get("grammar")))
    return () if grammar is None else capabilities(grammar)


#: Its cells are known only once it is configured; until then nothing is claimed.
GUARD = DetectorPlugin(
    name="guard",
    version="1",
    place=RunLocation.GATEWAY,
    capabilities=(),
    load=_load,
    missing=_missing,
    claims=_claims,
)

VISION_GUARD = DetectorPlugin(
    name="vision-guard",
    version="1",
    place=RunLocation.SCENE,
    capabilities=(),
    load=_vision_load,
    missing=_vision_missing,
    claims=_vision_claims,
)

_NO_TRANSCRIBER = (
    'No transcription server is configured: [detectors.transcription] with url = "http://127.0.0.1:8000/v1" '
    "and model. Speech is not transcribed, so that the words in it are not checked."
)


def _transcription_missing(options: dict[str, Any]) -> str | None:
    return None if options.get("url") and options.get("model") else _NO_TRANSCRIBER


def _load_transcription(options: dict[str, Any]) -> Detector:
    from safelight.net.client import Timeouts, upstream_client

    from .transcription import EndpointTranscriber, TranscriptionOptions

    chosen = TranscriptionOptions(
        model=str(options["model"]),
        language=str(options.get("language", "")),
        trips_after=int(options.get("trips_after", 3)),
        timeout_s=float(options.get("timeout_s", 30.0)),
        timeout_per_s=float(options.get("timeout_per_s", 0.5)),
        rests_s=float(options.get("rests_s", 30.0)),
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
    place=RunLocation.TRANSCRIBER,
    capabilities=WORDS,
    load=_load_transcription,
    missing=_transcription_missing,
    transcribes=True,
)
