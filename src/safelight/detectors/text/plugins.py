"""Plugins of the text detectors; importing this module does not load them.

What is shipped does not change while a process runs and is loaded once, whatever number of registries use it.
"""

from __future__ import annotations

from functools import cache, lru_cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.detectors.models.catalogue import E5, find_model, store_of
from safelight.detectors.models.weights import WeightsChanged
from safelight.detectors.protocol import Capability, Detector, DetectorPlugin, PluginOptions, RunLocation
from safelight.policy.findings import SHIPPED, Category, Modality
from safelight.policy.measurements import ACTS_WITHOUT_E5

if TYPE_CHECKING:
    from .acts import ActReader
    from .classifier_detectors import MiniLmDetector
    from .classifiers import ClassifierSet
    from .e5.encoder import E5Encoder
    from .entity_detector import EntityIndex
    from .minilm.encoder import Encoder
    from .minilm.package import Weights


_in_gateway = partial(DetectorPlugin, location=RunLocation.GATEWAY)
#: The page with the figures of most of these detectors.
_PROMPTS = "docs/benchmarks/prompts.md"
#: Categories of the shipped classifiers; a test compares them with the weights.
CLASSIFIER_CATEGORIES = (
    Category.DECEPTION,
    Category.EXTREMISM,
    Category.HARASSMENT,
    Category.HATE,
    Category.ILLICIT,
    Category.NCII,
    Category.PRIVACY,
    Category.SELF_HARM,
    Category.SEXUAL,
    Category.VIOLENCE,
    Category.VIOLENCE_GRAPHIC,
)
#: Categories that the reader of acts checks; a test compares them with the weights.
ACT_CATEGORIES = (
    Category.CRUELTY_ANIMALS,
    Category.DECEPTION_IMPERSONATION,
    Category.DECEPTION_SCAM,
    Category.HATE_DEHUMANISATION,
    Category.SELF_HARM_ACT,
    Category.SEXUAL_REAL_PERSON,
    Category.VIOLENCE_ASSAULT,
    Category.VIOLENCE_MASS_ATTACK,
    Category.VIOLENCE_TORTURE,
)


def _text(*categories: Category, measured: str | None = None) -> tuple[Capability, ...]:
    return tuple(
        Capability(category=category.value, modality=Modality.TEXT, measured=measured)
        for category in categories
    )


def _load_words(_options: PluginOptions) -> Detector:
    from .words import load_shipped

    return load_shipped()


@cache
def _shipped_entities() -> EntityIndex:
    from .entities import shipped
    from .entity_detector import EntityIndex

    return EntityIndex.of(shipped())


def _load_entities(options: PluginOptions) -> Detector:
    from .entity_detector import EntityDetector
    from .operator_lists import OperatorLists

    folder = options.get("folder")
    return EntityDetector(_shipped_entities(), OperatorLists(Path(folder)) if folder else None)


def _load_patterns(_options: PluginOptions) -> Detector:
    from .patterns import PatternDetector

    return PatternDetector()


@lru_cache(maxsize=1)
def _shipped_distress(reader: ActReader | None) -> Detector:
    return _build_distress(None, reader)


def _build_distress(folder: str | None, reader: ActReader | None) -> Detector:
    from . import distress
    from .compositions import shipped_compositions
    from .meaning import DISTRESS, MeaningReader, load_folder

    meaning = MeaningReader(load_folder(DISTRESS, folder), reader) if reader else None
    return distress.DistressDetector(shipped_compositions(), distress.load_folder(folder), meaning)


def _load_distress(options: PluginOptions) -> Detector:
    folder = options.get("classifiers")
    reader = meaning_reader({name: value for name, value in options.items() if name != "classifiers"})
    return _build_distress(folder, reader) if folder else _shipped_distress(reader)


def meaning_reader(options: PluginOptions) -> ActReader | None:
    """The reader, if both encoders are installed. Weights that were changed are the concern of the detectors
    that need them.
    """
    if _encoders_missing(options):
        return None
    try:
        return _load_reader(options)
    except WeightsChanged:
        return None


@cache
def _shipped_conjunction() -> Detector:
    from .lists import shipped_entries
    from .sexual_minors import SexualMinorsDetector

    return SexualMinorsDetector(shipped_entries())


def _load_conjunction(_options: PluginOptions) -> Detector:
    return _shipped_conjunction()


def _load_card(_options: PluginOptions) -> Detector:
    from .safety_card import CardDetector

    return CardDetector({spec.name for spec in SHIPPED} | set(_added_categories()))


def _added_categories() -> list[str]:
    names: list[str] = []
    for point in entry_points(group="safelight.categories"):
        try:
            names += [spec.name for spec in point.load()]
        except Exception:  # noqa: S112 - building the taxonomy reports a broken package
            continue
    return names


WORDS = _in_gateway(
    name="word-lists",
    version="1",
    capabilities=_text(
        Category.DECEPTION,
        Category.DECEPTION_SPEECH,
        Category.EXTREMISM,
        Category.HARASSMENT,
        Category.HATE,
        Category.HATE_SYMBOLS,
        Category.ILLICIT,
        Category.IP_BRAND,
        Category.IP_CHARACTER,
        Category.LIKENESS,
        Category.MINORS_PRESENT,
        Category.NCII,
        Category.PRIVACY,
        Category.SELF_HARM,
        Category.SELF_HARM_INSTRUCTIONS,
        Category.SEXUAL,
        Category.VIOLENCE,
        Category.VIOLENCE_GRAPHIC,
    ),
    load=_load_words,
)
ENTITIES = _in_gateway(
    name="named-entities",
    version="2",
    capabilities=_text(Category.IP_BRAND, Category.IP_CHARACTER, Category.LIKENESS, measured=_PROMPTS),
    load=_load_entities,
)
PATTERNS = _in_gateway(
    name="patterns",
    version="1",
    capabilities=_text(Category.MINORS_PRESENT, Category.PRIVACY),
    load=_load_patterns,
)
CONJUNCTION = _in_gateway(
    name="sexual-minors",
    version="1",
    capabilities=_text(Category.SEXUAL_MINORS),
    load=_load_conjunction,
)
DISTRESS = _in_gateway(
    name="distress",
    version="1",
    capabilities=_text(Category.SELF_HARM_INTENT),
    load=_load_distress,
)
CARD = _in_gateway(name="safety-card", version="1", load=_load_card)


@cache
def _shipped_classifiers() -> ClassifierSet:
    from .classifiers import load

    return load()


def _load_classifiers(options: PluginOptions) -> ClassifierSet:
    from .classifiers import load

    folder = options.get("classifiers")
    return load(Path(folder)) if folder else _shipped_classifiers()


def _load_ngrams(options: PluginOptions) -> Detector:
    from .classifier_detectors import NgramDetector

    return NgramDetector(_load_classifiers(options))


def _minilm_missing(options: PluginOptions) -> str | None:
    from .minilm.package import NOT_INSTALLED, find_weights

    return None if find_weights(store_of(options)) else NOT_INSTALLED


def _encoders_missing(options: PluginOptions) -> str | None:
    from .e5 import NOT_INSTALLED

    return _minilm_missing(options) or (None if find_model(E5, store_of(options)) else NOT_INSTALLED)


@lru_cache(maxsize=1)
def _load_encoder(weights: Weights, cache: Path) -> Encoder:
    from .minilm.encoder import Encoder

    return Encoder(weights, cache)


def _load_minilm(options: PluginOptions) -> MiniLmDetector:
    from .classifier_detectors import MiniLmDetector
    from .minilm.cache import default_folder
    from .minilm.package import NOT_INSTALLED, find_weights

    weights = find_weights(store_of(options))
    if weights is None:
        raise FileNotFoundError(NOT_INSTALLED)
    cache = Path(options.get("cache_dir") or default_folder())
    return MiniLmDetector(_load_classifiers(options), _load_encoder(weights, cache), cache)


@lru_cache(maxsize=1)
def _load_e5(folder: Path) -> E5Encoder:
    from .e5.encoder import E5Encoder

    return E5Encoder(folder)


def _load_reader(options: PluginOptions) -> ActReader:
    """The reader of texts for these options; detectors with the same options share it. A folder that has only
    the networks of the detector itself, and not the reader's, is no option of the reader.
    """
    from .classifiers import FILE

    folder = options.get("classifiers")
    own_only = folder is not None and not (Path(folder) / FILE).exists()
    places = ("store", "cache_dir") if own_only else ("classifiers", "store", "cache_dir")
    given = tuple((name, str(options[name])) for name in places if options.get(name))
    return _shared_reader(given, find_model(E5, store_of(options)))


@lru_cache(maxsize=2)
def _shared_reader(options: tuple[tuple[str, str], ...], e5: Path | None) -> ActReader:
    from .shared_reader import SharedReader

    return SharedReader(_load_minilm(dict(options)), _load_e5(e5) if e5 else None)


def _load_acts(options: PluginOptions) -> Detector:
    from .acts import ActDetector, load_folder

    return ActDetector(load_folder(options.get("classifiers")), _load_reader(options))


def _load_threats(options: PluginOptions) -> Detector:
    from .meaning import THREATS, MeaningReader, load_folder
    from .threats import ThreatDetector

    classifier = load_folder(THREATS, options.get("classifiers"))
    return ThreatDetector(MeaningReader(classifier, _load_reader(options)))


def _act_capabilities(options: PluginOptions) -> tuple[Capability, ...]:
    measured = None if find_model(E5, store_of(options)) else ACTS_WITHOUT_E5
    return tuple(
        Capability(category=category.value, modality=Modality.TEXT, measured=measured)
        for category in ACT_CATEGORIES
    )


ACTS = _in_gateway(
    name="acts",
    version="1",
    capabilities=_text(*ACT_CATEGORIES),
    configured_capabilities=_act_capabilities,
    load=_load_acts,
    missing=_minilm_missing,
)
THREATS = _in_gateway(
    name="threats",
    version="1",
    capabilities=_text(Category.HARASSMENT, measured="docs/benchmarks/threats.md"),
    load=_load_threats,
    missing=_encoders_missing,
)
NGRAMS = _in_gateway(
    name="ngrams",
    version="2",
    capabilities=_text(*CLASSIFIER_CATEGORIES, measured=_PROMPTS),
    load=_load_ngrams,
)
MINILM = _in_gateway(
    name="minilm",
    version="2",
    capabilities=_text(*CLASSIFIER_CATEGORIES, measured=_PROMPTS),
    load=_load_minilm,
    missing=_minilm_missing,
)
