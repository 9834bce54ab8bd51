"""Every setting with its type, default, limits and description."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field, NonNegativeInt, PositiveFloat, PrivateAttr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .addresses import is_loopback, parse_base_url
from .advice import AdviceSettings
from .mail import MailSettings
from .sealing import SealingSettings
from .section import Section
from .sources import SettingSource

#: Headings that the data protection impact assessment (DPIA) must contain.
DPIA_HEADINGS = (
    "## What is done, with whose data, and why",
    "## Necessity and proportion",
    "## Risks to the people concerned",
    "## Measures",
    "## Who was asked, and who signs",
)
#: Marks the parts of the template that an operator must fill in.
DPIA_PLACEHOLDER = "[fill in]"

AtLeastOne = Annotated[int, Field(ge=1)]

# Settings of limits, of strikes, and of requests for access.


class LimitSettings(Section):
    seconds_per_day: AtLeastOne = Field(
        default=3600, description="Seconds of video that one API key may request per UTC day."
    )
    videos_per_day: AtLeastOne = Field(
        default=1000, description="Videos that one API key may request per UTC day."
    )
    cost_per_day: Decimal | None = Field(
        default=None,
        ge=0,
        description="What the videos of one API key may cost at generators per UTC day, in US dollars.",
    )
    end_user_videos_per_day: int | None = Field(
        default=None, ge=1, description="Videos that one end user may request per UTC day."
    )
    end_user_seconds_per_day: int | None = Field(
        default=None, ge=1, description="Seconds of video that one end user may request per UTC day."
    )
    end_user_cost_per_day: Decimal | None = Field(
        default=None,
        ge=0,
        description="What the videos of one end user may cost at generators per UTC day, in US dollars.",
    )
    retention_days: PositiveFloat = Field(
        default=30.0,
        description="Days after which delivered content is deleted.",
    )
    checks_per_hour: AtLeastOne = Field(
        default=600,
        description="Maximum number of checks and blocked requests of one API key or person within one hour.",
    )
    end_user_checks_per_hour: AtLeastOne = Field(
        default=120, description="The same maximum for one end user (`safety_identifier`)."
    )
    reports_per_hour: AtLeastOne = Field(
        default=60,
        description="Maximum number of reports and appeals by one end user, one person, or one API key for "
        "itself within one hour.",
    )
    #: 1 % of the users of a platform with 200,000 users, all within the same hour.
    key_reports_per_hour: AtLeastOne = Field(
        default=2000,
        description="Maximum number of reports by one API key, those for its end users included, within one "
        "hour. Reports in a lane that comes first, and appeals, have the same limit each.",
    )


class StandingSettings(Section):
    expiry_days: PositiveFloat = Field(default=90.0, description="Days after which a strike expires.")
    warning_points: AtLeastOne = Field(
        default=1, description="Points of valid strikes from which an account or end user is warned."
    )
    cool_down_points: AtLeastOne = Field(
        default=6, description="Points from which an end user has to wait after each strike."
    )
    suspension_points: AtLeastOne = Field(
        default=9, description="Points from which an end user is suspended after each strike."
    )
    ban_points: AtLeastOne = Field(
        default=15, description="Points from which two people may ban an end user."
    )
    cool_down_hours: PositiveFloat = Field(default=24.0, description="Hours of a cool-down.")
    suspension_days: PositiveFloat = Field(default=14.0, description="Days of a suspension.")

    @model_validator(mode="after")
    def _grow(self) -> StandingSettings:
        points = (self.warning_points, self.cool_down_points, self.suspension_points, self.ban_points)
        if list(points) != sorted(set(points)):
            raise ValueError(
                "standing: warning_points, cool_down_points, suspension_points and ban_points must grow"
            )
        return self


class AccessSettings(Section):
    requests: bool = Field(
        default=False, description="Accept requests for access from people without an account."
    )
    requests_per_hour: AtLeastOne = Field(
        default=20, description="Maximum number of such requests within one hour, of all senders."
    )


class GateSettings(Section):
    enabled: bool = Field(
        default=False,
        description="Roll out by steps: `closed`, `pilot`, `limited`, `general`. A tenant starts `closed`.",
    )
    document: Path | None = Field(
        default=None,
        description="File with the evidence that each step takes. Default: the shipped one (docs/gates.md).",
    )


class OpenIdSettings(Section):
    issuer: str | None = Field(
        default=None,
        description="Issuer of the OpenID Connect provider, such as `https://login.example.com/realms/acme`. "
        "Default: no sign-in through a provider. Needs `server.public_url`.",
    )
    client_id: str = Field(default="", description="Name of this installation at the provider.")
    client_secret: str = Field(
        default="",
        repr=False,
        description="Secret of this installation at the provider; set it in the environment. Empty for a "
        "client that has only the proof key (PKCE).",
    )
    name: str = Field(
        default="", description="Name of the provider on the sign-in page. Default: the host of the issuer."
    )
    scope: str = Field(
        default="openid email",
        pattern=r"^openid( [\x21\x23-\x5b\x5d-\x7e]+)*$",
        description="Scopes that are requested. `openid` comes first; some providers need a further one for "
        "groups.",
    )
    groups_claim: str = Field(
        default="groups", min_length=1, description="Claim of the ID token that contains the groups."
    )
    roles: dict[str, str] = Field(
        default_factory=dict,
        description="Role of each group. The first group in the table that a person has decides, at each "
        "sign-in; a person with none of them cannot sign in. Default: the role of the invitation stays.",
    )

    @property
    def label(self) -> str:
        return self.name or urlsplit(self.issuer or "").hostname or ""

    @field_validator("issuer")
    @classmethod
    def _is_issuer(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = parse_base_url(
            value,
            expected="an issuer, such as https://login.example.com/realms/acme",
            credentials="an issuer contains no credentials",
        )
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError("use https: only a provider on this machine may be asked without TLS")
        return value

    @field_validator("roles")
    @classmethod
    def _are_roles(cls, value: dict[str, str]) -> dict[str, str]:
        if value:
            # Only then: the package needs the dependencies of the gateway.
            from safelight.accounts import Role

            for group, role in value.items():
                if role not in {known.value for known in Role}:
                    raise ValueError(f"openid.roles.{group}: {role!r} is not a role: {', '.join(Role)}")
        return value

    @model_validator(mode="after")
    def _is_complete(self) -> OpenIdSettings:
        if self.issuer is not None and not self.client_id:
            raise ValueError("set `client_id` too: the name of this installation at the provider")
        return self


#: What a process of a fleet does.
Role = Literal["web", "work", "scan", "notify"]
ROLES: tuple[Role, ...] = get_args(Role)


class ServerSettings(Section):
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 selects a free port.")
    roles: frozenset[Role] = Field(
        default=frozenset(ROLES),
        description="What this process does: `web` serves the API and the pages, `work` has videos generated "
        "and seals them, `scan` scans clips and references, `notify` sends webhooks and mails. Each needs a "
        "process; on SQLite one has all.",
    )
    public_url: str | None = Field(
        default=None, description="Base URL that clients use; for links. Default: host and port."
    )
    behind_proxy: bool = Field(
        default=False,
        description="Set this if a reverse proxy terminates TLS. Its forwarded headers are then trusted.",
    )
    proxies: int = Field(
        default=1,
        ge=1,
        le=10,
        description="With `behind_proxy`: the number of reverse proxies in front, each of which appends an "
        "address to `X-Forwarded-For`. Earlier addresses in it are not believed.",
    )
    tls_certificate: Path | None = Field(default=None, description="PEM certificate chain, to serve HTTPS.")
    tls_key: Path | None = Field(default=None, description="PEM private key of `tls_certificate`.")
    stop_grace_s: float = Field(
        default=10.0,
        ge=1,
        description="Seconds from SIGTERM to the end of the process. Steps that do not end in it are handed "
        "back. The same as `TimeoutStopSec` of systemd and `stop_grace_period` of Docker.",
    )
    max_body_mb: AtLeastOne = Field(default=512, description="Largest request body, in MiB.")
    max_prompt_characters: AtLeastOne = Field(
        default=32_000, description="Longest accepted prompt, in characters."
    )

    compliance_menu: bool = Field(
        default=False,
        description="Show the entry Compliance in the menu of every person. Otherwise only people who review "
        "or audit, and cannot request videos, have it.",
    )
    redteam_challenge: str | None = Field(
        default=None,
        max_length=200,
        pattern=r"^[A-Za-z0-9._~-]+$",
        description="The token of `safelight redteam challenge`, served at "
        "`/.well-known/safelight-redteam.txt`: the red team that made it may then test this server.",
    )

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)

    def address(self, host: str, port: int) -> str:
        """The address that clients use if the server listens on this host and port."""
        if self.public_url:
            return self.public_url.rstrip("/")
        scheme = "https" if self.tls_certificate else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    @model_validator(mode="after")
    def _public_needs_tls(self) -> ServerSettings:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("set both `tls_certificate` and `tls_key`, or neither of them")
        if not self.loopback and self.tls_certificate is None and not self.behind_proxy:
            raise ValueError(
                f"refusing to listen on {self.host} without TLS: set tls_certificate and tls_key, "
                "or behind_proxy = true (--behind-proxy) if a reverse proxy terminates TLS"
            )
        return self


class StorageSettings(Section):
    database: str | None = Field(
        default=None, description="SQLAlchemy URL, `postgresql://...`. Default: SQLite in the data directory."
    )
    connections: int = Field(
        default=40,
        ge=12,
        description="Most connections of one process to PostgreSQL. Those of all processes together have to "
        "fit into its `max_connections`.",
    )
    blobs: str | None = Field(
        default=None, description="`s3://bucket/prefix`. Default: a folder in the data directory."
    )
    s3: dict[str, str] = Field(
        default_factory=dict,
        description="Options for S3: endpoint, region, access_key_id, secret_access_key, allow_http.",
    )
    key_dir: Path | None = Field(
        default=None,
        description="Folder of the signing and encryption keys, shared by all processes of one installation. "
        "Default: data/keys.",
    )
    installation: str = Field(
        default="",
        description="Id that `init` wrote here and into the folder of the keys. With another folder, or an "
        "empty one, nothing starts. Default: not compared.",
    )


class AuditSettings(Section):
    checkpoint_dir: Path | None = Field(
        default=None, description="Folder for signed checkpoints of the audit log. Default: data/checkpoints."
    )
    checkpoint_interval_s: PositiveFloat = Field(
        default=60.0, description="Seconds between signed checkpoints of the audit log."
    )


class PolicySettings(Section):
    document: str = Field(
        default="starter",
        description="Built-in policy name or file path. A published policy takes precedence.",
    )
    context: frozenset[str] = Field(
        default=frozenset(),
        description="Facts about this installation that rules can use as exceptions, by `unless: context`.",
    )


class GenerationSettings(Section):
    default_generator: str = Field(
        default="storyboard", description="Generator for requests whose `model` does not select another."
    )
    deadline_s: PositiveFloat = Field(
        default=1800.0,
        description="A video whose generator has not finished within this many seconds fails with `timeout`.",
    )
    max_concurrent: AtLeastOne = Field(
        default=32, description="Maximum number of videos that one process works on at the same time."
    )
    max_concurrent_heavy: AtLeastOne = Field(
        default=2,
        description="Maximum number of these videos that it renders, scans or seals at the same time.",
    )
    max_download_mb: AtLeastOne = Field(
        default=2048, description="Largest file downloaded from a generator, in MiB."
    )


class ScanSettings(Section):
    timeout_s: PositiveFloat = Field(
        default=600.0,
        description="Time limit of one output scan, in seconds. After it, coverage is incomplete.",
    )
    max_minutes: float = Field(
        default=10.0,
        gt=0,
        le=1440,
        description="Longest scanned clip in minutes, at most 60 frames/s. Films need a larger `timeout_s`.",
    )
    max_clip_mb: AtLeastOne = Field(default=2048, description="Largest clip that is scanned, in MiB.")
    reference_timeout_s: float = Field(
        default=1.0,
        gt=0,
        le=30,
        description="Seconds that a request waits for the check of its reference before it returns `queued`.",
    )
    text_timeout_s: PositiveFloat = Field(
        default=0.8,
        description="Time limit in seconds of each detector for the text of one request. The first English "
        "and the first Chinese text have 20 s, in which word lists and models are loaded.",
    )
    max_reference_mb: AtLeastOne = Field(default=64, description="Largest reference file, in MiB.")
    warm_workers: NonNegativeInt = Field(
        default=2, description="Sandboxed worker processes kept ready for reference images."
    )


class LikenessSettings(Section):
    enabled: bool = Field(
        default=False,
        description="Compare faces with consents and protected people. Biometric data: see docs/people.md.",
    )
    legal_basis: str = Field(
        default="",
        description="Legal basis in one sentence that names the law; required if `enabled`.",
    )
    dpia: Path | None = Field(
        default=None,
        description="Your impact assessment, made from the form in docs/people.md; required if `enabled`.",
    )
    consent_distance: float = Field(
        default=0.45,
        gt=0,
        le=0.6,
        description="Largest distance at which a face matches a person with a consent.",
    )
    protected_distance: float = Field(
        default=0.55, gt=0, le=0.7, description="Largest distance at which a face matches a protected person."
    )

    @model_validator(mode="after")
    def _declared(self) -> LikenessSettings:
        if not self.enabled:
            return self
        if len(self.legal_basis.strip()) < 10:
            raise ValueError(
                "faces are compared only on a declared legal basis: set likeness.legal_basis, for example "
                '"Explicit consent, Art. 9(2)(a) GDPR"'
            )
        if self.dpia is None:
            raise ValueError(
                "faces are compared only after an impact assessment: fill in the form in docs/people.md "
                "and name the file in likeness.dpia"
            )
        try:
            text = self.dpia.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise ValueError(f"likeness.dpia: {self.dpia} cannot be read as UTF-8 text") from None
        if left := text.count(DPIA_PLACEHOLDER):
            raise ValueError(
                f"likeness.dpia: fill in {self.dpia}: {left} places still contain {DPIA_PLACEHOLDER!r}"
            )
        if missing := [heading for heading in DPIA_HEADINGS if heading not in text]:
            raise ValueError(f"likeness.dpia: {self.dpia} lacks the section {missing[0]!r}")
        return self


class ReviewSettings(Section):
    due_minutes: PositiveFloat = Field(
        default=15.0, description="A held video that no reviewer decides within this time is refused."
    )
    exposure_budget: PositiveFloat = Field(
        default=3600.0,
        description="Seconds of pictures and sound, times the severity of the case (1 to 16), for a reviewer "
        "in 8 hours. After that, pictures stay hidden and sound off, and decisions on the text go on.",
    )
    second_review_rate: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="The part of all decisions that another person reviews without knowing the first; "
        "0.05 is one in 20.",
    )
    golden_per_day: int = Field(
        default=0, ge=0, le=20, description="Golden cases that each reviewer gets per day."
    )
    first_outputs: NonNegativeInt = Field(
        default=0, description="Outputs of a new tenant that are held for one of its reviewers."
    )
    first_outputs_of_end_user: NonNegativeInt = Field(
        default=0, description="The same number for each new end user (`safety_identifier`)."
    )


class FetchSettings(Section):
    allowed_private_hosts: frozenset[str] = Field(
        default=frozenset(),
        description="Hosts with private addresses that may serve media and receive webhooks.",
    )
    timeout_s: PositiveFloat = Field(
        default=20.0, description="Time limit for fetching one reference, in seconds."
    )


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Lowest log level that is written."
    )
    format: Literal["console", "json"] = Field(
        default="console", description="`console`: text lines; `json`: one JSON object a line."
    )


class WorkerSettings(Section):
    name: str | None = Field(
        default=None,
        description="Unique name of this process on its database. Default: host and data directory.",
    )


class Settings(BaseSettings):
    """All settings. Unknown names and invalid values are rejected at start, all of them in one error."""

    model_config = SettingsConfigDict(
        env_prefix="SAFELIGHT_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    data: Path = Field(
        default=Path("data"),
        description="Data directory for database, files and keys. Only one process can use it at a time.",
    )
    server: ServerSettings = Field(default_factory=ServerSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    policy: PolicySettings = Field(default_factory=PolicySettings)
    generation: GenerationSettings = Field(default_factory=GenerationSettings)
    scan: ScanSettings = Field(default_factory=ScanSettings)
    likeness: LikenessSettings = Field(default_factory=LikenessSettings)
    review: ReviewSettings = Field(default_factory=ReviewSettings)
    sealing: SealingSettings = Field(default_factory=SealingSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    standing: StandingSettings = Field(default_factory=StandingSettings)
    access: AccessSettings = Field(default_factory=AccessSettings)
    gates: GateSettings = Field(default_factory=GateSettings)
    fetch: FetchSettings = Field(default_factory=FetchSettings)
    advice: AdviceSettings = Field(default_factory=AdviceSettings)
    mail: MailSettings = Field(default_factory=MailSettings)
    openid: OpenIdSettings = Field(default_factory=OpenIdSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    generators: dict[str, dict[str, Any]] = Field(
        default_factory=lambda: {"storyboard": {"kind": "storyboard"}},
        description="One table per generator. `kind` names its entry point; the other keys are its options.",
    )
    detectors: dict[str, bool | dict[str, Any]] = Field(
        default_factory=dict, description="Per detector: `false` disables it; a table sets its options."
    )

    #: The source of each value that is not a default, by its dotted name.
    _sources: dict[str, SettingSource] = PrivateAttr(default_factory=dict)

    @property
    def sources(self) -> dict[str, SettingSource]:
        return self._sources

    @property
    def key_folder(self) -> Path:
        """The folder of the signing and encryption keys."""
        return self.storage.key_dir or self.data / "keys"

    @field_validator("generators")
    @classmethod
    def _each_has_a_kind(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, options in value.items():
            if not isinstance(options.get("kind"), str):
                raise ValueError(f'generators.{name} needs a `kind`, such as kind = "videos_api"')
        return value

    @model_validator(mode="after")
    def _roles_share_a_database(self) -> Settings:
        if self.server.roles != set(ROLES) and not (self.storage.database or "").startswith("postgres"):
            raise ValueError("server.roles: on SQLite one process has all roles; set storage.database")
        return self

    @model_validator(mode="after")
    def _provider_needs_address(self) -> Settings:
        if self.openid.issuer is not None and not self.server.public_url:
            raise ValueError("set server.public_url: the provider of openid.issuer leads back to it")
        return self

    @model_validator(mode="after")
    def _mail_needs_address(self) -> Settings:
        if self.mail.host is not None and not self.server.public_url:
            raise ValueError("set server.public_url: the links in mail lead to it")
        return self

    @model_validator(mode="after")
    def _default_exists(self) -> Settings:
        if self.generation.default_generator not in self.generators:
            known = ", ".join(sorted(self.generators)) or "none"
            raise ValueError(
                f"generation.default_generator is {self.generation.default_generator!r}, which is not "
                f"configured; set it to one of: {known}"
            )
        return self
