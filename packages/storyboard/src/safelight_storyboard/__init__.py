"""The embedded generator `storyboard`: draws animated sketches of a prompt, deterministic by seed, without
a GPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safelight.providers.protocol import LocalGenerator


def create(options: dict[str, Any]) -> LocalGenerator:
    """Creates the generator. Its only option, `speech` (default true), allows espeak-ng to speak lines."""
    from safelight.core import errors
    from safelight_storyboard.generator import Storyboard

    for name in options:
        if name not in ("name", "speech"):
            raise errors.SettingsError(
                f"The storyboard generator has no option {name!r}.", remedy="It knows: speech."
            )
    speech = options.get("speech", True)
    if not isinstance(speech, bool):
        raise errors.SettingsError("The storyboard's option speech must be true or false.")
    return Storyboard(speech=speech)
