"""Options and default values of the studio form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.providers.advice.provider_rules import list_titles
from safelight.providers.protocol import Billing, GeneratorInfo
from safelight.web.services import Services
from safelight.web.translations import Translations

from .video_view import format_price

#: The fields of the intended use, by the name of what each states.
USE_FIELDS = {name: f"safelight[use][{name}]" for name in ("kind", "commercial", "territory")}
FORM_FIELDS = ("prompt", "model", "seconds", "size", "provider", *USE_FIELDS.values())
_DEFAULT_SECONDS = 4
_DEFAULT_SIZE = (1280, 720)
#: Sizes that are offered for a generator that accepts any size.
_USUAL_SIZES = ((1280, 720), (720, 1280), (960, 960))
_HD = (1280, 720)
#: Longest side of the largest shape, in units of its 32 x 32 drawing.
_LARGEST_SHAPE = 28


@dataclass(frozen=True, kw_only=True)
class ModelOption:
    """A model with the lengths and sizes that exist for it."""

    name: str
    seconds: tuple[int, ...]
    sizes: tuple[str, ...]
    #: US dollars per second; empty if it is not known.
    price: str
    #: What a video of the default length costs.
    cost: str


@dataclass(frozen=True, kw_only=True)
class SizeOption:
    """A size, drawn as a rectangle of its proportions."""

    value: str
    #: `landscape`, `portrait` or `square`.
    shape: str
    #: `small`, `hd`, `large` or `full_hd`, which tells sizes of one shape apart; empty for others.
    grade: str
    shape_width: float
    shape_height: float


@dataclass(frozen=True, kw_only=True)
class FormOptions:
    """Options of the form. The lengths and sizes are those of all models; the cost is for the default model
    and length.
    """

    models: tuple[ModelOption, ...]
    seconds: tuple[int, ...]
    sizes: tuple[SizeOption, ...]
    cost: str
    takes_reference: bool


def form_values(fields: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the form by field name, from the fields of a body. Pure."""
    ours = fields.get("safelight")
    use = ours.get("use") if isinstance(ours, Mapping) else None
    given = {field: use.get(name) for name, field in USE_FIELDS.items()} if isinstance(use, Mapping) else {}
    found = {name: given.get(name, fields.get(name)) for name in FORM_FIELDS}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def list_providers() -> tuple[tuple[str, str], ...]:
    """The name and title of each known maker and host."""
    return tuple(list_titles().items())


def is_own_hardware(services: Services, generator: str) -> bool:
    """Whether this generator runs on the operator's hardware, so that no provider can refuse a request."""
    return services.generators[generator].billing is Billing.OWN


class StudioForm:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._default_generator = next(iter(services.generators.values()))

    def default_values(self) -> Mapping[str, str]:
        info = self._default_generator.info()
        seconds = _default_seconds(info)
        width, height = _DEFAULT_SIZE if not info.sizes or _DEFAULT_SIZE in info.sizes else info.sizes[0]
        return {
            "prompt": "",
            "model": info.models[0] if info.models else "",
            "seconds": str(seconds),
            "size": f"{width}x{height}",
            "provider": "",
            **dict.fromkeys(USE_FIELDS.values(), ""),
        }

    def priced_models(self, t: Translations) -> list[tuple[str, str]]:
        """Each model, with what a video of its default length costs."""
        return [(one.name, f"{one.name} · {one.cost}") for one in self.options(t).models]

    def options(self, t: Translations) -> FormOptions:
        """The form options. The price is for the default length."""
        infos = [generator.info() for generator in self._services.generators.values()]
        models: dict[str, ModelOption] = {}
        for info in infos:
            for name in info.models:
                models.setdefault(name, _model_option(name, info, t))
        return FormOptions(
            models=tuple(models.values()),
            seconds=tuple(sorted({seconds for info in infos for seconds in info.seconds})),
            sizes=size_options({size for info in infos for size in info.sizes or _USUAL_SIZES}),
            cost=format_price(self._default_generator.info().usd_per_second, _DEFAULT_SECONDS, t),
            takes_reference=any(info.takes_reference for info in infos),
        )


def _default_seconds(info: GeneratorInfo) -> int:
    """The length that admission takes for a request without one."""
    return _DEFAULT_SECONDS if _DEFAULT_SECONDS in info.seconds else info.seconds[0]


def _model_option(name: str, info: GeneratorInfo, t: Translations) -> ModelOption:
    return ModelOption(
        name=name,
        seconds=tuple(info.seconds),
        sizes=tuple(f"{width}x{height}" for width, height in info.sizes or _USUAL_SIZES),
        price="" if info.usd_per_second is None else f"{info.usd_per_second:g}",
        cost=format_price(info.usd_per_second, _default_seconds(info), t),
    )


def _grade(long_side: int, short_side: int) -> str:
    if long_side < _HD[0]:
        return "small"
    return {_HD: "hd", (1792, 1024): "large", (1920, 1080): "full_hd"}.get((long_side, short_side), "")


def size_options(sizes: set[tuple[int, int]]) -> tuple[SizeOption, ...]:
    """The sizes: landscape, portrait, square; the smaller ones first. The shapes have one scale."""
    largest = max(max(size) for size in sizes)
    return tuple(
        SizeOption(
            value=f"{width}x{height}",
            grade=_grade(max(width, height), min(width, height)),
            shape="square" if width == height else "landscape" if width > height else "portrait",
            shape_width=round(_LARGEST_SHAPE * width / largest, 1),
            shape_height=round(_LARGEST_SHAPE * height / largest, 1),
        )
        for width, height in sorted(sizes, key=lambda size: (size[0] == size[1], size[0] < size[1], size))
    )
