"""The optional detectors for `safelight doctor`: what each one adds, and how to install it."""

from __future__ import annotations

from safelight.installation import install_command

OPTIONAL_DETECTORS = {
    "custom-models": (
        "Would check images and frames with models that you choose.",
        "All models: safelight models list. Set one up: docs/extending.md#configured-models",
    ),
    "faces": (
        "Would find faces in images, for the protection of real people.",
        f"Install it: {install_command('nudity')}",
    ),
    "minilm": (
        "Would check what a prompt means, beyond its words.",
        "Install it: safelight models pull minilm",
    ),
    "nudenet": (
        "Would find naked bodies in images and frames.",
        f"Install it: {install_command('nudity')}",
    ),
    "open-nsfw": (
        "Would classify images and frames by nudity.",
        "Install it: safelight models pull open-nsfw",
    ),
    "text-guard": (
        "Would check prompts with a language model on your server.",
        "Set it up: docs/prompts.md#guard-models",
    ),
    "transcription": (
        "Would check spoken words, transcribed by your server.",
        "Set it up: docs/sound.md#words",
    ),
    "vision-guard": (
        "Would check images and frames with a model on your server.",
        "Set it up: docs/extending.md#guard-models-that-take-images",
    ),
    "whisper": (
        "Would check spoken words, transcribed on this machine.",
        f"Install it: {install_command('transcription')}. Set it up: docs/sound.md#words",
    ),
}
