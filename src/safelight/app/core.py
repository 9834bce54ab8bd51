"""Parts that need only the settings and no data: detectors, generators, scanners, sandbox."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.app.settings import Settings
from safelight.core.errors import SettingsError
from safelight.detectors.models.catalogue import MODELS
from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.pipeline import LOADING_S, TextPipeline
from safelight.policy.documents import Policy
from safelight.policy.documents import load as load_policy
from safelight.policy.findings import SHIPPED, CategorySpec, Taxonomy
from safelight.providers.protocol import Generator

if TYPE_CHECKING:
    from safelight.core.net.fetch import Fetcher
    from safelight.detectors.image.hash_lists import HashLists
    from safelight.detectors.image.logo_store import LogoStore
    from safelight.detectors.list_folder import ListFolder
    from safelight.detectors.list_origins import ListKind
    from safelight.detectors.text.sketch import Embedder
    from safelight.media.probe import VideoLimits
    from safelight.media.sandbox.sandbox import Sandbox
    from safelight.providers.advice.rewriter import Rewriter
    from safelight.providers.videos_api.health import UpstreamHealth
    from safelight.screening.scanning.service import Scanner

#: Detectors that need a model of the catalogue.
MODEL_USERS = sorted({model.detector for model in MODELS.values() if model.detector})
#: Detectors of content that the operator enrols, with its default folder in the data directory.
ENROLLED = {"hash-lists": "hash-lists", "logo-words": "logos", "logos": "logos"}

#: Frames per second, from which the frame limit of the longest accepted clip is computed.
_MAX_FPS = 60


class CoreParts:
    """Settings, detectors, generators, scanners and the sandbox."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shutdown_event = threading.Event()

    @cached_property
    def taxonomy(self) -> Taxonomy:
        added: list[CategorySpec] = []
        for point in entry_points(group="safelight.categories"):
            added.extend(point.load())
        return SHIPPED.extended(added)

    @cached_property
    def configured_policy(self) -> Policy:
        """The policy document that the settings name. A published policy takes precedence over it."""
        return load_policy(self.settings.policy.document, self.taxonomy)

    @property
    def name_lists_folder(self) -> Path:
        """The folder of the operator's name lists."""
        options = self.settings.detectors.get("named-entities")
        folder = options.get("folder") if isinstance(options, dict) else None
        return Path(folder) if folder else self.settings.data / "name-lists"

    @property
    def models_folder(self) -> Path:
        """The folder of pulled models and their calibrations."""
        return self.settings.data / "models"

    def _enrolled(self, name: str) -> Path:
        """The folder of the content that an operator enrols: `name` is `logos` or `hash-lists`."""
        table = self.settings.detectors.get(name)
        folder = table.get("folder") if isinstance(table, dict) else None
        return Path(folder).absolute() if folder else self.settings.data.absolute() / name

    @cached_property
    def detectors(self) -> DetectorRegistry:
        options: dict[str, Any] = {
            name: False if value is False else ({} if value is True else value)
            for name, value in self.settings.detectors.items()
        }
        # By default, the operator's files for a detector are in the data directory.
        for name, key, place in (
            ("named-entities", "folder", self.name_lists_folder),
            ("text-guard", "measurements", self.settings.data / "measurements" / "text-guard.json"),
            *(
                (name, "store", self.models_folder.absolute())
                for name in ("custom-models", "distress", "threats", *MODEL_USERS)
            ),
            *((name, "folder", self._enrolled(kind)) for name, kind in ENROLLED.items()),
        ):
            if isinstance(own := options.setdefault(name, {}), dict):
                options[name] = {key: str(place), **own}
        return DetectorRegistry.discover(options)

    @cached_property
    def hash_lists(self) -> HashLists:
        from safelight.detectors.image.hash_lists import HashLists

        return HashLists(self._enrolled("hash-lists"))

    @property
    def list_folders(self) -> tuple[tuple[ListKind, ListFolder], ...]:
        """The folders with the operator's lists."""
        from safelight.detectors.list_origins import ListKind
        from safelight.detectors.text.operator_lists import OperatorLists

        names = OperatorLists(self.name_lists_folder)
        return (ListKind.NAMES, names.files), (ListKind.HASHES, self.hash_lists.files)

    @cached_property
    def logos(self) -> LogoStore:
        from safelight.detectors.image.logo_store import LogoStore

        return LogoStore(self._enrolled("logos"))

    @cached_property
    def text_pipeline(self) -> TextPipeline:
        return TextPipeline(
            self.detectors.text_detectors(),
            budget_s=self.settings.scan.text_timeout_s,
            loading_s=LOADING_S,
        )

    @cached_property
    def text_socket(self) -> Path:
        """The socket of a gateway that was started with the text detectors as they are now."""
        from safelight.screening.text_socket import socket_path

        return socket_path(self.settings.data.absolute() / "run", self.detectors.text_identity())

    @cached_property
    def text_embedder(self) -> Embedder | None:
        """Embeds texts, to compare their meaning; None if no detector has a model for it."""
        from safelight.detectors.text.classifier_detectors import MiniLmDetector

        readers = (one for one in self.text_pipeline.detectors if isinstance(one, MiniLmDetector))
        reader = next(readers, None)
        return reader.embed_text if reader else None

    @cached_property
    def search_embedder(self) -> Embedder | None:
        """Embeds texts in English and Chinese for a search by meaning; None without the weights of E5."""
        from safelight.detectors.text.acts import ActDetector
        from safelight.detectors.text.e5.search import SearchEmbedder

        readers = (one for one in self.text_pipeline.detectors if isinstance(one, ActDetector))
        encoder = next((reader.e5 for reader in readers), None)
        return SearchEmbedder(encoder) if encoder else None

    @cached_property
    def generators(self) -> Mapping[str, Generator]:
        """The configured generators by name. The first one is the default generator."""
        names = dict.fromkeys((self.settings.generation.default_generator, *self.settings.generators))
        return {name: _generator(name, self.settings.generators[name]) for name in names}

    @cached_property
    def upstream_health(self) -> UpstreamHealth:
        from safelight.providers.videos_api.health import UpstreamEndpoint, UpstreamHealth

        tables = self.settings.generators.items()
        return UpstreamHealth(
            {
                name: UpstreamEndpoint(url=str(table["url"]), api_key=str(table.get("api_key") or ""))
                for name, table in tables
                if table["kind"] == "videos_api" and table.get("url")
            }
        )

    @cached_property
    def sandbox(self) -> Sandbox:
        from safelight.media.sandbox.sandbox import Sandbox

        data = self.settings.data
        database = [
            data / f"{name}.sqlite3{end}" for name in ("db", "engine") for end in ("", "-wal", "-shm")
        ]
        keys = [data / "keys", *filter(None, (self.settings.storage.key_dir, self.settings.sealing.key))]
        folders = [data / name for name in ("blobs", "checkpoints", "run")]
        return Sandbox(hidden=[*keys, *database, *folders], private=[data])

    @cached_property
    def rewriter(self) -> Rewriter | None:
        """The language model that rewrites prompts; None if the settings name no endpoint."""
        settings = self.settings.advice.rewriter
        if settings.url is None:
            return None
        from safelight.providers.advice.rewriter import Rewriter, RewriterOptions

        return Rewriter(
            RewriterOptions(
                url=settings.url,
                model=settings.model,
                # A key that was read from a file may have the end of its line.
                api_key=os.environ.get(settings.api_key_env, "").strip() if settings.api_key_env else "",
                timeout_s=settings.timeout_s,
                calls_per_day=settings.calls_per_day,
            )
        )

    @cached_property
    def fetcher(self) -> Fetcher:
        from safelight.core.net.fetch import Fetcher, FetchLimits

        settings = self.settings
        limits = FetchLimits(max_bytes=settings.scan.max_reference_mb << 20, total_s=settings.fetch.timeout_s)
        return Fetcher(allow_hosts=settings.fetch.allowed_private_hosts, limits=limits)

    @cached_property
    def scanner(self) -> Scanner:
        from safelight.provenance import worker
        from safelight.provenance.watermark import clip_marking
        from safelight.screening import delivery
        from safelight.screening.scanning.service import Scanner, ScannerOptions

        return Scanner(
            self.sandbox,
            self.detectors.child_specs(),
            ScannerOptions(
                video=self._longest_clip,
                video_timeout_s=self.settings.scan.timeout_s,
                warm_children=self.settings.scan.warm_workers,
                modules=("c2pa", worker.__name__, clip_marking.__name__, delivery.__name__),
            ),
        )

    @property
    def _longest_clip(self) -> VideoLimits:
        from safelight.media.probe import VideoLimits

        scan = self.settings.scan
        seconds = scan.max_minutes * 60
        frames = math.ceil(seconds * _MAX_FPS)
        return VideoLimits(bytes=scan.max_clip_mb << 20, frames=frames, duration_s=seconds)

    @cached_property
    def hash_list_scanner(self) -> Scanner:
        """A scanner with the hash list detector only."""
        from safelight.detectors.image.hash_lists import NAME
        from safelight.screening.scanning.service import Scanner, ScannerOptions

        specs = [spec for spec in self.detectors.child_specs() if spec[0] == NAME]
        settings = ScannerOptions(
            video=self._longest_clip, video_timeout_s=self.settings.scan.timeout_s, warm_children=0
        )
        return Scanner(self.sandbox, specs, settings)

    @cached_property
    def decode_only_scanner(self) -> Scanner:
        """A scanner without detectors: it only decodes pictures, in a sandboxed child process."""
        from safelight.screening.scanning.service import Scanner, ScannerOptions

        return Scanner(self.sandbox, (), ScannerOptions(warm_children=0))


def _generator(name: str, table: Mapping[str, Any]) -> Generator:
    """The generator for one `generators` table of the settings, made by the entry point of its `kind`."""
    kind = table["kind"]
    for point in entry_points(group="safelight.generators"):
        if point.name == kind:
            options = {key: value for key, value in table.items() if key != "kind"}
            made: Generator = point.load()({"name": name, **options})
            return made
    known = ", ".join(sorted(point.name for point in entry_points(group="safelight.generators")))
    raise SettingsError(f"generators.{name}: no installed package has the kind {kind!r}; known: {known}.")
