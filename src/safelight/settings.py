"""Settings: `safelight.toml` and the environment (`SAFELIGHT_SERVER__PORT=8000`), checked before a start.

Only `wiring` reads them; every other module is handed plain values.
"""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from safelight.errors import SettingsError

FILE_NAME = "safelight.toml"
#: What an impact assessment has to have, and what it must not have any more.
DPIA_HEADINGS = (
    "## What is done, with whose data, and why",
    "## Necessity and proportion",
    "## Risks to the people concerned",
    "## Measures",
    "## Who was asked, and who signs",
)
#: What it has to have beside where voices are compared.
DPIA_VOICES = "## Voices"
DPIA_PLACEHOLDER = "[fill in]"


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Section):
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str | None = Field(
        default=None, description="Address clients see, for links; default host and port."
    )
    behind_proxy: bool = Field(
        default=False, description="A proxy in front ends TLS; its forwarded headers are believed."
    )
    tls_certificate: Path | None = Field(default=None, description="PEM chain, to serve HTTPS ourselves.")
    tls_key: Path | None = Field(default=None, description="PEM key for it.")
    max_body_mb: int = Field(default=512, ge=1, description="Largest request body, in MiB.")
    max_prompt_characters: int = Field(default=32_000, ge=1, description="Longest prompt, in characters.")

    @property
    def loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _public_needs_tls(self) -> ServerSettings:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together; set both or neither")
        if not self.loopback and self.tls_certificate is None and not self.behind_proxy:
            raise ValueError(
                f"refusing to listen on {self.host} without TLS: set tls_certificate and tls_key, "
                "or behind_proxy = true (--behind-proxy) where a proxy in front ends TLS"
            )
        return self


class StorageSettings(Section):
    database: str | None = Field(
        default=None, description="SQLAlchemy URL, `postgresql://...`; default: SQLite in the data directory."
    )
    blobs: str | None = Field(
        default=None, description="`s3://bucket/prefix`; default: a folder in the data directory."
    )
    s3: dict[str, str] = Field(
        default_factory=dict,
        description="Options for S3: endpoint, region, access_key_id, secret_access_key, allow_http.",
    )
    keys: Path | None = Field(
        default=None,
        description="Signing keys, shared by the processes of one installation; default: data/keys.",
    )
    heads: Path | None = Field(
        default=None, description="Where signed heads of the audit log go; default: data/heads."
    )
    head_interval_s: float = Field(
        default=60.0, gt=0, description="Seconds between signed heads of the audit log."
    )


class PolicySettings(Section):
    document: str = Field(
        default="starter", description="A shipped name or a file; a published version goes before it."
    )
    facts: frozenset[str] = Field(
        default=frozenset(),
        description="Facts about this installation's work that rules may ask for by `unless: context`.",
    )


class GenerationSettings(Section):
    default: str = Field(
        default="storyboard", description="Generator for requests whose model names no other."
    )
    deadline_s: float = Field(
        default=1800.0, gt=0, description="A video not finished by then fails with `timeout`."
    )
    at_once: int = Field(default=32, ge=1, description="Videos in work at the same time in one process.")
    heavy_at_once: int = Field(
        default=2, ge=1, description="Of these, renderings, scans and sealings at the same time."
    )
    max_download_mb: int = Field(
        default=2048, ge=1, description="Largest file taken from a generator, in MiB."
    )


class ScanSettings(Section):
    budget_s: float = Field(
        default=600.0,
        gt=0,
        description="Wall time one output scan may take; past it, coverage is incomplete.",
    )
    max_minutes: float = Field(
        default=10.0,
        gt=0,
        le=1440,
        description="Longest clip that is scanned, at up to 60 frames a second; films need `budget_s`, too.",
    )
    max_clip_mb: int = Field(default=2048, ge=1, description="Largest clip that is scanned, in MiB.")
    reference_wait_s: float = Field(
        default=1.0,
        gt=0,
        le=30,
        description="How long a create waits for references before it answers `queued`.",
    )
    text_budget_s: float = Field(
        default=0.8, gt=0, description="Wall time for screening the words of one request."
    )
    max_reference_mb: int = Field(default=64, ge=1, description="Largest reference file, in MiB.")
    warm_children: int = Field(
        default=2, ge=0, description="Sandboxed children kept ready for reference pictures."
    )


class VoiceSettings(Section):
    model: Path | None = Field(
        default=None,
        description="An ONNX file that describes voices: 80 filter banks in, one embedding out. None ships.",
    )
    sha256: str = Field(
        default="",
        pattern=r"^([0-9a-fA-F]{64})?$",
        description="What that file has to hash to; empty: whatever it is.",
    )
    framework: Literal["auto", "wespeaker", "3d-speaker"] = Field(
        default="auto", description="How the model was trained to be fed; auto: what the file says of itself."
    )
    consent_distance: float = Field(
        default=0.8, gt=0, le=1, description="How near a voice has to be to one that consented. Unmeasured."
    )
    gallery_distance: float = Field(
        default=1.0, gt=0, le=1.2, description="How near it has to be to one in the gallery. Unmeasured."
    )
    least_s: float = Field(
        default=2.0, ge=0.5, le=3, description="Speech shorter than that, in seconds, is not compared."
    )
    enrolment_s: float = Field(
        default=6.0, ge=2, le=120, description="Seconds of speech a recording needs to enrol somebody."
    )


class LikenessSettings(Section):
    enabled: bool = Field(
        default=False,
        description="Compare faces with consents and the gallery. Biometric data: see docs/likeness.md.",
    )
    legal_basis: str = Field(
        default="",
        description="On what legal basis, in one sentence that names the law; needed where it is enabled.",
    )
    dpia: Path | None = Field(
        default=None,
        description="Your impact assessment, made from docs/dpia-template.md; needed where it is enabled.",
    )
    consent_distance: float = Field(
        default=0.45, gt=0, le=0.6, description="How near a face has to be to one that consented."
    )
    gallery_distance: float = Field(
        default=0.55, gt=0, le=0.7, description="How near a face has to be to one in the gallery."
    )
    voice: VoiceSettings = Field(default_factory=lambda: VoiceSettings())

    @model_validator(mode="after")
    def _declared(self) -> LikenessSettings:
        voices = self.voice.model is not None
        if not self.enabled:
            if voices:
                raise ValueError(
                    "likeness.voice.model: voices are compared only where likeness.enabled is set, with its "
                    "legal basis and its impact assessment"
                )
            return self
        if self.voice.model is not None and not self.voice.model.is_file():
            raise ValueError(f"likeness.voice.model: there is no file {self.voice.model}")
        if len(self.legal_basis.strip()) < 10:
            raise ValueError(
                "faces are compared only on a declared legal basis: set likeness.legal_basis, for example "
                '"Explicit consent, Art. 9(2)(a) GDPR"'
            )
        if self.dpia is None:
            raise ValueError(
                "faces are compared only after an impact assessment: fill in docs/dpia-template.md "
                "and name the file in likeness.dpia"
            )
        try:
            text = self.dpia.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise ValueError(f"likeness.dpia: {self.dpia} cannot be read") from None
        if left := text.count(DPIA_PLACEHOLDER):
            raise ValueError(f"likeness.dpia: {self.dpia} has {left} places that say {DPIA_PLACEHOLDER!r}")
        wanted = (*DPIA_HEADINGS, *((DPIA_VOICES,) if voices else ()))
        if missing := [heading for heading in wanted if heading not in text]:
            raise ValueError(f"likeness.dpia: {self.dpia} lacks the part {missing[0]!r}")
        return self


class ReviewSettings(Section):
    due_minutes: float = Field(
        default=15.0, gt=0, description="A held video nobody decided by then is refused."
    )


class SealingSettings(Section):
    organization: str = Field(
        default="Safelight installation", description="Who seals, as it stands in our own certificates."
    )
    key: Path | None = Field(default=None, description="Your own P-256 signing key, PEM; default: made here.")
    chain: Path | None = Field(
        default=None, description="Its certificates, PEM, from the signing one upwards; goes with `key`."
    )
    anchors: Path | None = Field(
        default=None, description="Roots of that chain, PEM; default: its last certificate."
    )
    trust: Path | None = Field(
        default=None, description="More roots, PEM, whose manifests `safelight verify` trusts."
    )

    @model_validator(mode="after")
    def _key_and_chain(self) -> SealingSettings:
        if (self.key is None) != (self.chain is None):
            raise ValueError("key and chain go together; set both or neither")
        return self


class LimitSettings(Section):
    seconds_per_day: int = Field(
        default=3600, ge=1, description="Seconds of video one key may order per UTC day."
    )
    videos_per_day: int = Field(default=1000, ge=1, description="Videos one key may order per UTC day.")
    keep_days: float = Field(
        default=30.0, gt=0, description="Delivered content is deleted after so many days."
    )
    probes_per_hour: int = Field(
        default=600, ge=1, description="Checks and blocked creates of one key or person in any hour."
    )
    end_user_probes_per_hour: int = Field(
        default=120, ge=1, description="The same of one end user (`safety_identifier`)."
    )
    reports_per_hour: int = Field(
        default=60, ge=1, description="Reports of videos by one key, person or end user in any hour."
    )


class FetchSettings(Section):
    allow_hosts: frozenset[str] = Field(
        default=frozenset(),
        description="Hosts whose media may be fetched, and to which webhooks may be sent, although their "
        "address is private.",
    )
    timeout_s: float = Field(default=20.0, gt=0, description="Time for fetching one reference.")


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level written."
    )
    format: Literal["console", "json"] = Field(default="console", description="For people or for machines.")


class WorkerSettings(Section):
    name: str | None = Field(
        default=None,
        description="This process among several on one database; default: host and data directory.",
    )


class Settings(BaseSettings):
    """Everything that can be set. Unknown names and wrong values are refused at start, all at once."""

    model_config = SettingsConfigDict(
        env_prefix="SAFELIGHT_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    data: Path = Field(
        default=Path("data"), description="Data directory: database, files, keys. One process at a time."
    )
    server: ServerSettings = Field(default_factory=lambda: ServerSettings())
    storage: StorageSettings = Field(default_factory=lambda: StorageSettings())
    policy: PolicySettings = Field(default_factory=lambda: PolicySettings())
    generation: GenerationSettings = Field(default_factory=lambda: GenerationSettings())
    scan: ScanSettings = Field(default_factory=lambda: ScanSettings())
    likeness: LikenessSettings = Field(default_factory=lambda: LikenessSettings())
    review: ReviewSettings = Field(default_factory=lambda: ReviewSettings())
    sealing: SealingSettings = Field(default_factory=lambda: SealingSettings())
    limits: LimitSettings = Field(default_factory=lambda: LimitSettings())
    fetch: FetchSettings = Field(default_factory=lambda: FetchSettings())
    log: LogSettings = Field(default_factory=lambda: LogSettings())
    worker: WorkerSettings = Field(default_factory=lambda: WorkerSettings())
    generators: dict[str, dict[str, Any]] = Field(
        default_factory=lambda: {"storyboard": {"kind": "storyboard"}},
        description="One table per generator: `kind` names the entry point, the rest are its options.",
    )
    detectors: dict[str, bool | dict[str, Any]] = Field(
        default_factory=dict, description="Per detector: false switches it off, a table gives its options."
    )

    @field_validator("generators")
    @classmethod
    def _each_has_a_kind(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, options in value.items():
            if not isinstance(options.get("kind"), str):
                raise ValueError(f'generators.{name} needs a kind, such as kind = "videos_api"')
        return value

    @model_validator(mode="after")
    def _default_exists(self) -> Settings:
        if self.generation.default not in self.generators:
            known = ", ".join(sorted(self.generators)) or "none"
            raise ValueError(f"generation.default is {self.generation.default!r}; configured: {known}")
        return self


def read_settings(path: Path | None = None, **flags: Any) -> Settings:
    """Settings from the command line's `flags` (sections as dicts), then the environment, then the file.

    The file is `path`, or `safelight.toml` here where there is one; its relative paths are relative to it.
    Raises `SettingsError` naming file, field and reason for everything that is wrong.
    """
    source = path or Path(FILE_NAME)
    document = _read_toml(source) if path is not None or source.is_file() else {}
    _beside(source.parent, document, Settings)

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=document)

    try:
        settings: Settings = FromFile(**flags)
    except ValidationError as error:
        raise SettingsError(_sentences(error, source if document else None)) from None
    return settings


def _beside(folder: Path, document: dict[str, Any], model: type[BaseModel]) -> None:
    """Make the relative paths of a settings file relative to it."""
    for name, field in model.model_fields.items():
        value, kind = document.get(name), field.annotation
        if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, BaseModel):
            _beside(folder, value, kind)
        elif isinstance(value, str) and kind in (Path, Path | None):
            document[name] = str(folder / value)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file.", remedy="Run `safelight init` to write one.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}.") from None


def _sentences(error: ValidationError, path: Path | None) -> str:
    where = f"{path}: " if path else ""
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"]) or "settings"
        reason = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            reason = "there is no such setting; docs/configuration.md lists them all"
        lines.append(f"{where}{name}: {reason}.")
    return "\n".join(lines)
