"""Old names of settings and policy keys, each with the new name. Remove this module at the first release.

A `safelight.toml` or policy document with an old name is rejected. The error contains the new name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

#: Old key -> new key, as full paths; `*` matches any name. Only the last part of an old key is an old name.
#: The parts before it have their new names: `detectors.guard.ask` is found as `detectors.text-guard.ask`.
SETTINGS: Mapping[str, str] = {
    "storage.keys": "storage.key_dir",
    "storage.heads": "audit.checkpoint_dir",
    "storage.head_interval_s": "audit.checkpoint_interval_s",
    "policy.facts": "policy.context",
    "generation.default": "generation.default_generator",
    "generation.at_once": "generation.max_concurrent",
    "generation.heavy_at_once": "generation.max_concurrent_heavy",
    "scan.budget_s": "scan.timeout_s",
    "scan.text_budget_s": "scan.text_timeout_s",
    "scan.reference_wait_s": "scan.reference_timeout_s",
    "scan.warm_children": "scan.warm_workers",
    "likeness.gallery_distance": "likeness.protected_distance",
    "likeness.voice.gallery_distance": "likeness.voice.protected_distance",
    "likeness.voice.least_s": "likeness.voice.min_speech_s",
    "limits.keep_days": "limits.retention_days",
    "limits.probes_per_hour": "limits.checks_per_hour",
    "limits.end_user_probes_per_hour": "limits.end_user_checks_per_hour",
    "fetch.allow_hosts": "fetch.allowed_private_hosts",
    "generators.*.ownership": "generators.*.billing",
    "generators.*.abilities": "generators.*.operations",
    "generators.*.key_metadata": "generators.*.idempotency_metadata_key",
    "generators.*.listed_within_s": "generators.*.list_lag_s",
    "generators.*.send_as": "generators.*.request_encoding",
    "generators.*.connect_s": "generators.*.connect_timeout_s",
    "generators.*.submit_s": "generators.*.submit_timeout_s",
    "generators.*.poll_s": "generators.*.poll_timeout_s",
    "generators.*.fetch_s": "generators.*.fetch_timeout_s",
    "detectors.words": "detectors.word-lists",
    "detectors.conjunction": "detectors.sexual-minors",
    "detectors.card": "detectors.safety-card",
    "detectors.card-picture": "detectors.safety-card-image",
    "detectors.card-sound": "detectors.safety-card-audio",
    "detectors.guard": "detectors.text-guard",
    "detectors.hub": "detectors.custom-models",
    "detectors.claims": "detectors.identity-claims",
    "detectors.marks": "detectors.logos",
    "detectors.mark-words": "detectors.logo-words",
    "detectors.hashes": "detectors.hash-lists",
    "detectors.symbols": "detectors.hate-symbols",
    "detectors.entities": "detectors.named-entities",
    "detectors.speech": "detectors.vad",
    "detectors.nudenet.floor": "detectors.nudenet.min_score",
    "detectors.faces.floor": "detectors.faces.min_score",
    "detectors.faces.sides": "detectors.faces.input_sizes",
    "detectors.hate-symbols.floor": "detectors.hate-symbols.min_score",
    "detectors.ocr.floor": "detectors.ocr.min_score",
    "detectors.logos.least": "detectors.logos.min_score",
    "detectors.ngrams.heads": "detectors.ngrams.classifiers",
    "detectors.minilm.heads": "detectors.minilm.classifiers",
    "detectors.custom-models.models.*.floor": "detectors.custom-models.models.*.min_score",
    "detectors.custom-models.models.*.against": "detectors.custom-models.models.*.negative_prompts",
    "detectors.text-guard.grammar": "detectors.text-guard.format",
    "detectors.text-guard.ask": "detectors.text-guard.mode",
    "detectors.text-guard.about": "detectors.text-guard.categories",
    "detectors.text-guard.longest": "detectors.text-guard.max_characters",
    "detectors.text-guard.figures": "detectors.text-guard.measurements",
    "detectors.text-guard.trips_after": "detectors.text-guard.failure_threshold",
    "detectors.text-guard.rests_s": "detectors.text-guard.cooldown_s",
    "detectors.vision-guard.grammar": "detectors.vision-guard.format",
    "detectors.vision-guard.stills": "detectors.vision-guard.max_keyframes",
    "detectors.vision-guard.total_s": "detectors.vision-guard.total_timeout_s",
    "detectors.vision-guard.trips_after": "detectors.vision-guard.failure_threshold",
    "detectors.vision-guard.rests_s": "detectors.vision-guard.cooldown_s",
    "detectors.transcription.trips_after": "detectors.transcription.failure_threshold",
    "detectors.transcription.rests_s": "detectors.transcription.cooldown_s",
}

#: The same for policy documents: the path of a key, or of a key with its value. `[]` means an entry of a
#: list.
POLICY: Mapping[str, str] = {
    "rules[].profiles": "rules[].audiences",
    "rules[].off": "rules[].disabled",
    "rules[].audiences.careful": "rules[].audiences.sensitive",
    "rules[].audiences.*.off": "rules[].audiences.*.disabled",
    "requires[].missing": "requires[].on_gap",
    "requires[].off": "requires[].disabled",
    "extends: floor": "extends: baseline",
    "attributes.*: flag": "attributes.*: boolean",
    "attributes.*: word": "attributes.*: string",
    "rules[].*.attributes.joined": "rules[].*.attributes.cross_modal",
    "rules[].*.attributes.source: together": "rules[].*.attributes.source: cross_modal",
    "rules[].*.attributes.kind: signs": "rules[].*.attributes.kind: indicators",
    "rules[].*.attributes.kind: learned": "rules[].*.attributes.kind: classifier",
}


def find_renamed_policy_key(path: str) -> str | None:
    """The new name of an old key or value of a policy document; None if it was not renamed.

    `path` is the key as errors write it, such as `rules[house-1].off`; for a value it is `KEY: VALUE`.
    """
    key, colon, value = re.sub(r"\[[^]]*\]", "[]", path).partition(": ")
    for old, new in POLICY.items():
        old_key, _, old_value = old.partition(": ")
        if value == old_value and _matches(old_key, key):
            return new.rpartition(": " if colon else ".")[2]
    return None


def find_renamed(
    document: Mapping[str, Any], renamed: Mapping[str, str], *, _old: str = "", _new: str = ""
) -> Iterator[tuple[str, str]]:
    """The old keys in a nested mapping, each with its new key, as full paths."""
    for name, value in document.items():
        old, path = f"{_old}{name}", f"{_new}{name}"
        new = _renamed(path, renamed)
        if new is not None:
            yield old, new
        if isinstance(value, Mapping):
            yield from find_renamed(value, renamed, _old=f"{old}.", _new=f"{new or path}.")


def _renamed(path: str, renamed: Mapping[str, str]) -> str | None:
    if path in renamed:
        return renamed[path]
    parts = path.split(".")
    for old, new in renamed.items():
        if _matches(old, path):
            pattern = old.split(".")
            names = iter(part for want, part in zip(pattern, parts, strict=True) if want == "*")
            return ".".join(next(names) if part == "*" else part for part in new.split("."))
    return None


def _matches(pattern: str, path: str) -> bool:
    wanted, parts = pattern.split("."), path.split(".")
    return len(wanted) == len(parts) and all(
        want in ("*", part) for want, part in zip(wanted, parts, strict=True)
    )
