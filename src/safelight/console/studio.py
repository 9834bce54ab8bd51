"""Options and default values of the studio form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.web.services import Services

from .coverage import CoverageGroup, group_by_status
from .translations import Translations
from .video_view import format_price

FORM_FIELDS = ("prompt", "model", "seconds", "size", "provider")
_DEFAULT_SECONDS = 4
_DEFAULT_SIZE = (1280, 720)


@dataclass(frozen=True, kw_only=True)
class FormOptions:
    """Options of the form. Sizes and cost are those of the default generator; models and seconds those of
    all.
    """

    models: tuple[str, ...]
    seconds: tuple[int, ...]
    sizes: tuple[str, ...]
    cost: str
    takes_reference: bool


class StudioForm:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._default_generator = next(iter(services.generators.values()))

    def default_values(self) -> Mapping[str, str]:
        info = self._default_generator.info()
        seconds = _DEFAULT_SECONDS if _DEFAULT_SECONDS in info.seconds else info.seconds[0]
        width, height = _DEFAULT_SIZE if not info.sizes or _DEFAULT_SIZE in info.sizes else info.sizes[0]
        return {
            "prompt": "",
            "model": info.models[0],
            "seconds": str(seconds),
            "size": f"{width}x{height}",
            "provider": "",
        }

    def options(self, t: Translations) -> FormOptions:
        """The form options. The price is for the default length."""
        infos = [generator.info() for generator in self._services.generators.values()]
        default_info = self._default_generator.info()
        sizes = default_info.sizes or ((1280, 720), (720, 1280), (960, 960))
        return FormOptions(
            models=tuple(dict.fromkeys(model for info in infos for model in info.models)),
            seconds=tuple(sorted({seconds for info in infos for seconds in info.seconds})),
            sizes=tuple(f"{width}x{height}" for width, height in sizes),
            cost=format_price(default_info.usd_per_second, _DEFAULT_SECONDS, t),
            takes_reference=any(info.takes_reference for info in infos),
        )

    def coverage_groups(self, table: Mapping[str, Any], t: Translations) -> tuple[CoverageGroup, ...]:
        """The coverage table grouped by status, missing checks first."""
        return group_by_status(
            ((cell["category"], cell["modality"], cell["status"]) for cell in table["cells"]), t
        )
