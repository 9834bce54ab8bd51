"""The catalogue: which detectors are installed, what they could check, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal, TypeAlias

from safelight.errors import SafelightError
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality

from .protocol import (
    Capability,
    Detector,
    DetectorPlugin,
    MediaText,
    RunLocation,
    SceneDetector,
    SceneFinding,
    SceneInput,
    TextContent,
    TextDetector,
    Transcriber,
    TranscriptionFailed,
)

GROUP = "safelight.detectors"

#: A detector's options from the settings; False: the operator switched it off.
Options: TypeAlias = Mapping[str, Any] | Literal[False]


class DetectorMissing(SafelightError):
    """A detector was asked for that is not installed, or cannot be loaded."""

    code = "detector_missing"


@dataclass(frozen=True, kw_only=True)
class MissingDetector:
    """A detector that could be there and is not, and the sentence that says why and what to do."""

    name: str
    sentence: str


class FailedDetector:
    """Stands where a detector would not load: every call raises, so that coverage shows the hole."""

    remote = False

    def __init__(self, plugin: DetectorPlugin, options: dict[str, Any], error: Exception) -> None:
        self.name = plugin.name
        self.version = plugin.version
        self.capabilities = plugin.claimed(options)
        self.sentence = f"The detector {plugin.name!r} could not be loaded: {_said(error)}"

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        raise DetectorMissing(f"{self.sentence} (asked about the field {content.field!r})")

    def inspect_scene(self, scene: SceneInput) -> Iterable[SceneFinding]:
        raise DetectorMissing(self.sentence)


def load_plugin(name: str) -> DetectorPlugin:
    """The installed plugin of that name, for the scan child. Raises `DetectorMissing`."""
    for point in entry_points(group=GROUP):
        if point.name == name:
            return _plugin(point)
    raise DetectorMissing(f"No installed package provides the detector {name!r}.")


class DetectorRegistry:
    """The detectors of one installation. Made with `discover`; loads nothing before it is asked to."""

    def __init__(
        self,
        plugins: Iterable[tuple[DetectorPlugin, dict[str, Any]]],
        *,
        missing: Iterable[MissingDetector] = (),
        disabled: Iterable[str] = (),
    ) -> None:
        self._plugins = tuple(plugins)
        self._missing = tuple(missing)
        #: Names the operator switched off.
        self.disabled = tuple(disabled)

    @classmethod
    def discover(
        cls, configured: Mapping[str, Options], *, points: Iterable[EntryPoint] | None = None
    ) -> DetectorRegistry:
        """Every installed detector, with its options; a broken or incomplete one is listed as missing."""
        plugins: list[tuple[DetectorPlugin, dict[str, Any]]] = []
        missing: list[MissingDetector] = []
        found = sorted(entry_points(group=GROUP) if points is None else points, key=lambda point: point.name)
        for point in found:
            options = configured.get(point.name, {})
            if options is False:
                continue
            chosen = dict(options)
            try:
                plugin = _plugin(point)
                sentence = plugin.missing(chosen)
            except Exception as error:
                sentence = error.message if isinstance(error, DetectorMissing) else _said(error)
                missing.append(MissingDetector(name=point.name, sentence=sentence))
                continue
            if sentence is not None:
                missing.append(MissingDetector(name=point.name, sentence=sentence))
            else:
                plugins.append((plugin, chosen))
        names = {point.name for point in found}
        missing += [
            MissingDetector(
                name=name, sentence="It is in the settings, but no installed package provides it."
            )
            for name, options in configured.items()
            if options is not False and name not in names
        ]
        disabled = [name for name, options in configured.items() if options is False]
        return cls(plugins, missing=missing, disabled=disabled)

    @property
    def missing(self) -> tuple[MissingDetector, ...]:
        """Detectors that are not effective, with a sentence each; grows where one fails to load."""
        loaded = [one for kind in ("_text", "_scene") for one in self.__dict__.get(kind, ())]
        failed = [
            MissingDetector(name=detector.name, sentence=detector.sentence)
            for detector in loaded
            if isinstance(detector, FailedDetector)
        ]
        return (*self._missing, *failed)

    @property
    def idle(self) -> tuple[MissingDetector, ...]:
        """Detectors that are there and have nothing to look for yet, such as marks when none is enrolled."""
        return tuple(
            MissingDetector(name=plugin.name, sentence=sentence)
            for plugin, options in self._plugins
            if (sentence := plugin.idle(options)) is not None
        )

    @property
    def plugins(self) -> tuple[DetectorPlugin, ...]:
        return tuple(plugin for plugin, _options in self._plugins)

    def capabilities(self, modality: Modality | None = None) -> tuple[tuple[str, Capability], ...]:
        """(detector, capability) of everything installed, for one modality or all."""
        return tuple(
            (plugin.name, capability)
            for plugin, options in self._plugins
            for capability in plugin.claimed(options)
            if modality is None or capability.modality == modality
        )

    def claimed_by(self, name: str) -> tuple[Capability, ...]:
        """What one installed detector can fill with its options."""
        return tuple(capability for detector, capability in self.capabilities() if detector == name)

    def text_detectors(self) -> tuple[TextDetector, ...]:
        """The detectors of the gateway's own process, loaded once; one that fails leaves a hole, no error."""
        return self._text

    @cached_property
    def _text(self) -> tuple[TextDetector, ...]:
        return tuple(
            _loaded(plugin, options, TextDetector, "does not inspect text")
            for plugin, options in self._plugins
            if plugin.place is RunLocation.GATEWAY
        )

    def scene_detectors(self) -> tuple[SceneDetector, ...]:
        """Those that look at the stills of a scan, the local ones first; one that fails leaves a hole."""
        return self._scene

    @cached_property
    def _scene(self) -> tuple[SceneDetector, ...]:
        loaded = [
            _loaded(plugin, options, SceneDetector, "looks at no stills")
            for plugin, options in self._plugins
            if plugin.place is RunLocation.SCENE
        ]
        # One entry point may stand for several models.
        parts = [part for detector in loaded for part in getattr(detector, "parts", (detector,))]
        return tuple(sorted(parts, key=lambda detector: detector.remote))

    @cached_property
    def transcriber(self) -> Transcriber | None:
        """The server that transcribes, or None; one that would not load fails every call."""
        for plugin, options in self._plugins:
            if plugin.place is RunLocation.TRANSCRIBER:
                return _load_transcriber(plugin, options)
        return None

    def _heard(self) -> frozenset[str]:
        """Categories looked for in words of speech: somebody writes them down, and somebody reads them."""
        if not any(plugin.transcribes for plugin in self.plugins):
            return frozenset()
        return frozenset(
            capability.category
            for plugin in self.plugins
            if plugin.place is RunLocation.GATEWAY
            for capability in plugin.capabilities
        )

    def child_specs(self) -> list[tuple[str, dict[str, Any]]]:
        """Name and options of every detector that runs in the scan child, which loads it by `load_plugin`."""
        return [
            (plugin.name, options) for plugin, options in self._plugins if plugin.place is RunLocation.CHILD
        ]

    def cells(self, requirements: Iterable[Cell] = (), *modalities: Modality) -> tuple[Cell, ...]:
        """The coverage table before anything ran: what is required joined with what is installed.

        With `modalities` only those are listed.
        """
        table = {(cell.category, cell.modality): cell for cell in requirements}
        idle = {one.name for one in self.idle}
        heard = self._heard()
        of_words = {one.name for one in self.plugins if one.transcribes or one.place is RunLocation.GATEWAY}
        for name, capability in self.capabilities():
            sound = capability.modality is Modality.AUDIO
            if sound and name in of_words and capability.category not in heard:
                continue
            if name in idle:
                continue
            key = (capability.category, capability.modality)
            cell = table.get(key) or Cell(category=key[0], modality=key[1])
            table[key] = Cell(
                category=cell.category,
                modality=cell.modality,
                required=cell.required,
                available=True,
                ran=cell.ran,
                complete=cell.complete,
                detectors=tuple(dict.fromkeys((*cell.detectors, name))),
                note=cell.note,
                measured=cell.measured or capability.measured,
            )
        return tuple(table[key] for key in sorted(table) if not modalities or Modality(key[1]) in modalities)


def _plugin(point: EntryPoint) -> DetectorPlugin:
    try:
        plugin = point.load()
    except Exception as error:
        raise DetectorMissing(
            f"The detector {point.name!r} ({point.value}) cannot be imported: {_said(error)}"
        ) from error
    if not isinstance(plugin, DetectorPlugin):
        raise DetectorMissing(
            f"The entry point {point.name!r} ({point.value}) names a {type(plugin).__name__},"
            " no DetectorPlugin."
        )
    if plugin.name != point.name:
        raise DetectorMissing(
            f"The entry point {point.name!r} ({point.value}) names a plugin called {plugin.name!r}."
        )
    return plugin


def _loaded(plugin: DetectorPlugin, options: dict[str, Any], kind: Any, lack: str) -> Any:
    try:
        detector: Detector = plugin.load(options)
        if not isinstance(detector, kind):
            raise TypeError(f"it loaded a {type(detector).__name__}, which {lack}")
    except Exception as error:
        return FailedDetector(plugin, options, error)
    return detector


class _FailedTranscriber:
    def __init__(self, plugin: DetectorPlugin, error: Exception) -> None:
        self.name = plugin.name
        self.version = plugin.version
        self.capabilities = plugin.capabilities
        self._sentence = f"The transcriber {plugin.name!r} could not be loaded: {_said(error)}"

    def transcribe(self, wav: Path) -> Sequence[MediaText]:
        raise TranscriptionFailed(self._sentence)


def _load_transcriber(plugin: DetectorPlugin, options: dict[str, Any]) -> Transcriber:
    try:
        loaded: Detector = plugin.load(options)
        if not isinstance(loaded, Transcriber):
            raise TypeError(f"it loaded a {type(loaded).__name__}, which transcribes nothing")
    except Exception as error:
        return _FailedTranscriber(plugin, error)
    return loaded


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
