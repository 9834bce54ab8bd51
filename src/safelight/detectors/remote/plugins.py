"""What the entry point names: a guard model, where the settings configure one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from safelight.detectors.protocol import Detector, DetectorPlugin, Place

_SENTENCE = (
    'No guard model is configured: [detectors.guard] with url = "http://127.0.0.1:8000/v1", model and '
    "grammar (qwen3guard, llama-guard, shieldgemma, gpt-oss-safeguard, omni-moderation)."
)


def _missing(options: dict[str, Any]) -> str | None:
    from .grammars import GRAMMARS

    if not options.get("url") or not options.get("model"):
        return _SENTENCE
    if options.get("grammar") not in GRAMMARS:
        return f"The guard's grammar should be one of {', '.join(GRAMMARS)}."
    return None


def _load(options: dict[str, Any]) -> Detector:
    from safelight.detectors.text.heads import load
    from safelight.detectors.text.learned import NgramDetector
    from safelight.detectors.text.lists import ListDetector, read_list, shipped
    from safelight.net.client import Timeouts, configured_client

    from .grammars import GRAMMARS
    from .guard import Ask, GuardDetector, GuardOptions

    known = {
        name: options[name]
        for name in ("low", "high", "timeout_s", "trips_after", "rests_s", "calls_per_day", "longest")
        if name in options
    }
    chosen = GuardOptions(
        model=str(options["model"]),
        ask=Ask(options.get("ask", "always")),
        about=frozenset(options.get("about", ())),
        **known,
    )
    key = os.environ.get(str(options["api_key_env"]), "") if options.get("api_key_env") else ""
    url = str(options["url"]).rstrip("/") + "/"
    client = configured_client(url, api_key=key, timeouts=Timeouts(connect_s=1.0, read_s=chosen.timeout_s))
    words = ListDetector(entry for text in shipped() for entry in read_list(text))
    grams = NgramDetector(load())
    return GuardDetector(
        client,
        GRAMMARS[str(options["grammar"])],
        chosen,
        local=lambda content: [*words.inspect_text(content), *grams.inspect_text(content)],
        figures=Path(options["figures"]) if options.get("figures") else None,
    )


#: Its cells are known only once it is configured; until then nothing is claimed.
GUARD = DetectorPlugin(
    name="guard", version="1", place=Place.GATEWAY, capabilities=(), load=_load, missing=_missing
)
