"""Detector registry: lists the installed detectors, the coverage they can fill, and the missing detectors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from stat import S_ISREG
from typing import Any, Literal, TypeAlias

from safelight.core.errors import SafelightError
from safelight.policy.findings import Cell, Finding, Modality

from .models.catalogue import shared_folder
from .protocol import (
    Capability,
    Detector,
    DetectorGroup,
    DetectorPlugin,
    MediaText,
    PluginOptions,
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
#: Options that name a folder from which a text detector is loaded.
_FOLDER_OPTIONS = ("classifiers", "folder", "store")

#: Options of each detector from the settings; False if the operator switched the detector off.
Options: TypeAlias = Mapping[str, Any] | Literal[False]


class DetectorMissing(SafelightError):
    """A requested detector is not installed or cannot be loaded."""

    code = "detector_missing"


@dataclass(frozen=True, kw_only=True)
class MissingDetector:
    """A detector that could be available but is not. `sentence` gives the reason and the remedy."""

    name: str
    sentence: str


class FailedDetector:
    """Placeholder for a detector that failed to load. Every call raises an error, so that coverage shows a
    gap.
    """

    remote = False

    def __init__(self, plugin: DetectorPlugin, options: PluginOptions, error: Exception) -> None:
        self.name = plugin.name
        self.version = plugin.version
        self.capabilities = plugin.resolve_capabilities(options)
        self.sentence = f"The detector {plugin.name!r} could not be loaded: {_describe_error(error)}"

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        raise DetectorMissing(f"{self.sentence} (for the field {content.field!r})")

    def inspect_scene(self, scene: SceneInput) -> Iterable[SceneFinding]:
        raise DetectorMissing(self.sentence)


@cache
def load_plugin(name: str) -> DetectorPlugin:
    """The installed plugin with this name, for scans. Raises `DetectorMissing`.

    It is searched once per process, because that reads the metadata of every installed package.
    """
    for point in entry_points(group=GROUP):
        if point.name == name:
            return _load_entry_point(point)
    raise DetectorMissing(f"No installed package provides the detector {name!r}.")


class DetectorRegistry:
    """The detectors of one installation. Create it with `discover`; detectors are loaded on first use."""

    def __init__(
        self,
        plugins: Iterable[tuple[DetectorPlugin, PluginOptions]],
        *,
        missing: Iterable[MissingDetector] = (),
        disabled: Iterable[str] = (),
    ) -> None:
        self._plugins = tuple(plugins)
        self._missing = tuple(missing)
        #: Names of the detectors that the operator switched off.
        self.disabled = tuple(disabled)

    @classmethod
    def discover(
        cls, configured: Mapping[str, Options], *, points: Iterable[EntryPoint] | None = None
    ) -> DetectorRegistry:
        """Find every installed detector and its options; a broken or incomplete one is listed as missing."""
        plugins: list[tuple[DetectorPlugin, PluginOptions]] = []
        missing: list[MissingDetector] = []
        found = sorted(entry_points(group=GROUP) if points is None else points, key=lambda point: point.name)
        for point in found:
            options = configured.get(point.name, {})
            if options is False:
                continue
            chosen = dict(options)
            try:
                plugin = _load_entry_point(point)
                sentence = plugin.missing(chosen)
            except Exception as error:
                sentence = error.message if isinstance(error, DetectorMissing) else _describe_error(error)
                missing.append(MissingDetector(name=point.name, sentence=sentence))
                continue
            if sentence is not None:
                missing.append(MissingDetector(name=point.name, sentence=sentence))
            else:
                plugins.append((plugin, chosen))
        names = {point.name for point in found}
        missing += [
            MissingDetector(name=name, sentence="The settings name it, but no installed package provides it.")
            for name, options in configured.items()
            if options is not False and name not in names
        ]
        disabled = [name for name, options in configured.items() if options is False]
        return cls(plugins, missing=missing, disabled=disabled)

    @property
    def missing(self) -> tuple[MissingDetector, ...]:
        """Detectors that do not work, each with the reason. The list grows when a detector fails to load."""
        loaded = [
            one
            for name in ("_loaded_text_detectors", "_loaded_scene_detectors")
            for one in self.__dict__.get(name, ())
        ]
        failed = [
            MissingDetector(name=detector.name, sentence=detector.sentence)
            for detector in loaded
            if isinstance(detector, FailedDetector)
        ]
        return (*self._missing, *failed)

    @property
    def idle(self) -> tuple[MissingDetector, ...]:
        """Detectors that have nothing to search for yet, such as logos when none is enrolled."""
        return tuple(
            MissingDetector(name=plugin.name, sentence=sentence)
            for plugin, options in self._plugins
            if (sentence := plugin.idle(options)) is not None
        )

    @property
    def plugins(self) -> tuple[DetectorPlugin, ...]:
        return tuple(plugin for plugin, _options in self._plugins)

    def capabilities(self, modality: Modality | None = None) -> tuple[tuple[str, Capability], ...]:
        """(detector, capability) of every installed detector, for one modality or all."""
        return tuple(
            (plugin.name, capability)
            for plugin, options in self._plugins
            for capability in plugin.resolve_capabilities(options)
            if modality is None or capability.modality == modality
        )

    def capabilities_of(self, name: str) -> tuple[Capability, ...]:
        """The cells that one installed detector can fill with its options."""
        return tuple(capability for detector, capability in self.capabilities() if detector == name)

    def text_detectors(self) -> tuple[TextDetector, ...]:
        """Detectors of the gateway process, loaded once. A detector that fails to load leaves a gap in
        coverage.
        """
        return self._loaded_text_detectors

    @cached_property
    def _loaded_text_detectors(self) -> tuple[TextDetector, ...]:
        return tuple(self._load_at(RunLocation.GATEWAY, TextDetector, "does not inspect text"))

    @property
    def has_loaded_text_detectors(self) -> bool:
        return "_loaded_text_detectors" in self.__dict__

    def text_identity(self) -> str:
        """A hash of what the text detectors are loaded from: options, shipped files, lists and weights."""
        chosen = [
            (plugin.name, plugin.version, options)
            for plugin, options in self._plugins
            if plugin.location is RunLocation.GATEWAY
        ]
        folders = {Path(__file__).parent / "text", shared_folder()}
        for _name, _version, options in chosen:
            folders |= {Path(str(options[name])) for name in _FOLDER_OPTIONS if options.get(name)}
        files = sorted(stamp for folder in folders for stamp in _stamps(folder))
        identity = json.dumps((chosen, files), sort_keys=True, default=str)
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    def scene_detectors(self) -> tuple[SceneDetector, ...]:
        """Detectors that run on keyframes, local ones first. A detector that fails to load leaves a gap in
        coverage.
        """
        return self._loaded_scene_detectors

    @cached_property
    def _loaded_scene_detectors(self) -> tuple[SceneDetector, ...]:
        loaded = self._load_at(RunLocation.SCENE, SceneDetector, "does not inspect keyframes")
        return tuple(sorted(loaded, key=lambda detector: detector.remote))

    def _load_at(self, location: RunLocation, interface: Any, mismatch: str) -> list[Any]:
        return [
            detector
            for plugin, options in self._plugins
            if plugin.location is location
            for detector in _load_detectors(plugin, options, interface, mismatch)
        ]

    @cached_property
    def transcriber(self) -> Transcriber | None:
        """The transcriber that calls a server, or None if there is none. If it failed to load, every call
        of it raises.
        """
        for plugin, options in self._plugins:
            if plugin.location is RunLocation.TRANSCRIBER:
                return _load_transcriber(plugin, options)
        return None

    def _transcribed_categories(self) -> frozenset[str]:
        """Categories that are checked in transcripts. A category is included if a transcriber is installed
        and a text detector covers it.
        """
        if not any(plugin.transcribes for plugin in self.plugins):
            return frozenset()
        return frozenset(
            capability.category
            for plugin in self.plugins
            if plugin.location is RunLocation.GATEWAY
            for capability in plugin.capabilities
        )

    def child_specs(self) -> list[tuple[str, PluginOptions]]:
        """Name and options of every detector that runs in the scan child. The child loads each with
        `load_plugin`.
        """
        return [
            (plugin.name, options)
            for plugin, options in self._plugins
            if plugin.location is RunLocation.CHILD
        ]

    def cells(self, requirements: Iterable[Cell] = (), *modalities: Modality) -> tuple[Cell, ...]:
        """The coverage table before any run: the required cells and the cells that installed detectors can
        fill.

        With `modalities`, only cells of those modalities.
        """
        table = {(cell.category, cell.modality): cell for cell in requirements}
        idle = {one.name for one in self.idle}
        transcribed_categories = self._transcribed_categories()
        reads_transcripts = {
            one.name for one in self.plugins if one.transcribes or one.location is RunLocation.GATEWAY
        }
        for name, capability in self.capabilities():
            is_audio = capability.modality is Modality.AUDIO
            if is_audio and name in reads_transcripts and capability.category not in transcribed_categories:
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


def _stamps(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Path, modification time in ns and size of every file in the folder."""
    for path in folder.rglob("*"):
        # A file may be replaced meanwhile.
        with suppress(OSError):
            status = path.stat()
            if S_ISREG(status.st_mode) and path.suffix != ".pyc":
                yield str(path), status.st_mtime_ns, status.st_size


def _load_entry_point(point: EntryPoint) -> DetectorPlugin:
    try:
        plugin = point.load()
    except Exception as error:
        raise DetectorMissing(
            f"The detector {point.name!r} ({point.value}) cannot be imported: {_describe_error(error)}"
        ) from error
    if not isinstance(plugin, DetectorPlugin):
        raise DetectorMissing(
            f"The entry point {point.name!r} ({point.value}) names a {type(plugin).__name__},"
            " no DetectorPlugin."
        )
    if plugin.name != point.name:
        raise DetectorMissing(
            f"The entry point {point.name!r} ({point.value}) names the plugin {plugin.name!r}; rename one."
        )
    return plugin


def _load_detectors(
    plugin: DetectorPlugin, options: PluginOptions, interface: Any, mismatch: str
) -> tuple[Any, ...]:
    try:
        loaded: Detector = plugin.load(options)
        detectors = loaded.detectors if isinstance(loaded, DetectorGroup) else (loaded,)
        for detector in detectors:
            if not isinstance(detector, interface):
                raise TypeError(f"it loaded a {type(detector).__name__}, which {mismatch}")
    except Exception as error:
        return (FailedDetector(plugin, options, error),)
    return detectors


class _FailedTranscriber:
    def __init__(self, plugin: DetectorPlugin, error: Exception) -> None:
        self.name = plugin.name
        self.version = plugin.version
        self.capabilities = plugin.capabilities
        self._sentence = f"The transcriber {plugin.name!r} could not be loaded: {_describe_error(error)}"

    def transcribe(self, wav: Path) -> Sequence[MediaText]:
        raise TranscriptionFailed(self._sentence)


def _load_transcriber(plugin: DetectorPlugin, options: PluginOptions) -> Transcriber:
    try:
        loaded: Detector = plugin.load(options)
        if not isinstance(loaded, Transcriber):
            raise TypeError(f"it loaded a {type(loaded).__name__}, which is not a transcriber")
    except Exception as error:
        return _FailedTranscriber(plugin, error)
    return loaded


def _describe_error(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
