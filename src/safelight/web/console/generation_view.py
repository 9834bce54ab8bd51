"""How a generation was steered and watched, in sentences for the page of a video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from safelight.core.i18n import translate_sentence
from safelight.policy.findings import Stage
from safelight.policy.steering import SteeringMethod
from safelight.videos.models import VideoRecord
from safelight.web.translations import Translations


def describe_hold(record: VideoRecord | None) -> Mapping[str, Any] | None:
    """What the stage of the generation says, if nothing was sent to a generator."""
    stages = record.stages if record else ()
    made = next((one for one in reversed(stages) if one.stage is Stage.GENERATION), None)
    return made.details.get("generation") if made else None


def generation_sentences(made: Mapping[str, Any] | None, t: Translations) -> Iterator[str]:
    if made is None:
        return
    if made["problem"]:
        yield translate_sentence("doctor", made["problem"], t.tag) or made["problem"]
    # An anchor is in effect only where the prompt resembles the concept.
    missing = [one for one in made["asked"] if one not in (*made["applied"], SteeringMethod.ANCHOR)]
    if missing and made["steps"]:
        yield t("video.not_steered", methods=_names(missing, t))
    if applied := [one for one in made["applied"] if one != SteeringMethod.WATCHING]:
        yield t("video.steered", methods=_names(applied, t))
    if made["checks"]:
        yield t("video.watched", n=made["checks"])
    if made["steps"]:
        done, steps, saved = made["steps_done"], made["steps"], round(100 * made["saved_share"])
        key = "video.stopped_at" if done < steps else "video.all_steps"
        yield t(key, done=done, steps=steps, saved=saved)
    if made["gaps"]:
        yield t("video.steering_gaps", gaps=", ".join(made["gaps"]))


def _names(methods: list[str], t: Translations) -> str:
    return t.join_list([t(f"video.method.{method}") for method in methods])
