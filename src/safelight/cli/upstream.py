"""Builds the settings of an upstream from its address: models, key, table and security warnings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.errors import SettingsError, UpstreamRejected, UpstreamUnavailable

if TYPE_CHECKING:
    from safelight.providers.videos_api.discovery import DiscoveredServer

#: The name that the upstream has in the settings as a generator.
NAME = "upstream"
KEY_VARIABLE = "SAFELIGHT_UPSTREAM_KEY"
KIND = "videos_api"

# Options of the commands that name an upstream.
KeyFile = Annotated[
    Path | None,
    typer.Option(help="File with the upstream's key. [default: variable SAFELIGHT_UPSTREAM_KEY]"),
]
OfferedModels = Annotated[
    list[str] | None,
    typer.Option(help="Offer only this model of the upstream; repeatable. [default: all]"),
]
Paid = Annotated[
    bool, typer.Option("--paid", help="The upstream charges: a request is submitted at most once.")
]


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """An upstream server as a generator. `table` is its settings table without the API key."""

    name: str
    table: Mapping[str, Any]
    api_key: str = ""
    #: None if the server did not respond; the models then come from the settings or the command line.
    found: DiscoveredServer | None = None
    warnings: tuple[str, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The settings table with the API key."""
        return {**self.table, **({"api_key": self.api_key} if self.api_key else {})}


@dataclass(frozen=True, kw_only=True)
class UpstreamAnswers:
    """The command-line options that concern an upstream."""

    url: str
    key_file: Path | None = None
    models: Sequence[str] = ()
    paid: bool = False
    #: The generators in the settings, by name.
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_key(file: Path | None) -> str:
    """The upstream's API key from the file if one is given, otherwise from the environment; empty if none
    is set.
    """
    if file is None:
        return os.environ.get(KEY_VARIABLE, "").strip()
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The key file {file} cannot be read: {error}.") from None
    if not text:
        raise SettingsError(f"The key file {file} is empty.")
    return text


def attach(asked: UpstreamAnswers) -> Upstream:
    """Read the models of the upstream and build its settings. Raises `SettingsError` if it is unusable.

    An upstream that does not respond is accepted if its models are named or already in the settings.
    """
    from safelight.providers.videos_api.discovery import NetworkLocation, base_url, discover, place

    url = base_url(asked.url)
    name, configured = _find_configured(url, asked.known)
    key = read_key(asked.key_file) or str(configured.get("api_key", ""))
    named = tuple(asked.models) or tuple(configured.get("models", ()))
    warnings: list[str] = []
    found = None
    try:
        found = discover(url, api_key=key)
    except UpstreamUnavailable as error:
        if not named:
            raise SettingsError(
                f"{error.message} Its models are unknown, so nothing can be offered.",
                remedy="Start it first, or name its models: --model NAME (repeatable).",
            ) from None
        warnings.append(f"{error.message} Requests to it wait until it responds or until their deadline.")
    except UpstreamRejected as error:
        raise SettingsError(
            error.message,
            remedy=f"Set {KEY_VARIABLE}, or put the key into a file for --upstream-key-file."
            if "key" in error.message
            else "Correct the address.",
        ) from None
    if found is not None:
        warnings += upstream_warnings(found)
        warnings += _warn_unlisted_models(found, tuple(asked.models))
    models = named if asked.models or found is None else found.models or named
    if not models:
        raise SettingsError(
            f"{url} does not list its models (GET /v1/models)."
            if found is None or found.models is None
            else f"{url} lists no models.",
            remedy="Name them: --model NAME (repeatable).",
        )
    billing = "paid" if asked.paid else configured.get("billing")
    if billing is None:
        # A request is sent twice only where that certainly costs nothing.
        billing = "own" if place(url) in (NetworkLocation.LOOPBACK, NetworkLocation.PRIVATE) else "paid"
        if billing == "paid":
            warnings.append(
                f"{url} is not in a private network, so its videos count as paid: a request is submitted at "
                'most once. If it is your own hardware, set billing = "own".'
            )
    # The profile of a server that the settings have already is the operator's decision.
    recognized = {"profile": found.profile} if found is not None and found.profile and not configured else {}
    table = {**configured, **recognized, "kind": KIND, "url": url, "models": list(models), "billing": billing}
    table.pop("api_key", None)
    return Upstream(name=name, table=table, api_key=key, found=found, warnings=tuple(warnings))


def upstream_warnings(found: DiscoveredServer) -> list[str]:
    """Warnings if clients can use the server without Safelight; empty if its network prevents that."""
    from safelight.providers.videos_api.discovery import NetworkLocation

    warnings = []
    if found.exposed and found.keyed:
        warnings.append(
            f"{found.url} DOES NOT REQUIRE AUTHENTICATION: it lists its models to callers without a key, "
            "although a key is configured. Every client that can reach it gets unchecked videos. Make it "
            "require its key, and keep it on a network that only Safelight can reach."
        )
    elif found.exposed:
        address = (
            "a public address" if found.place is NetworkLocation.PUBLIC else "an address of unknown location"
        )
        warnings.append(
            f"{found.url} DOES NOT REQUIRE AUTHENTICATION: it has {address} and needs no key. Every client "
            "that can reach it gets unchecked videos. Move it to a private network that only Safelight can "
            "reach, and set a key."
        )
    if found.keyed and found.place is NetworkLocation.PUBLIC and found.url.startswith("http://"):
        warnings.append(f"The key for {found.url} is sent unencrypted over a public network. Use https.")
    return warnings


def from_environment(generators: Mapping[str, Mapping[str, Any]], file: Path | None) -> dict[str, Any]:
    """The configured generators, with the given API key set for `upstream`; empty if nothing changes."""
    key = read_key(file)
    table = generators.get(NAME)
    if not key or table is None or table.get("api_key"):
        if file is not None and (table is None or table.get("kind") != KIND):
            raise SettingsError(
                "--upstream-key-file is for the generator `upstream`, which is not in the settings.",
                remedy="Give its address with --upstream.",
            )
        return {}
    return {**generators, NAME: {**table, "api_key": key}}


def _find_configured(url: str, known: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    """Name and table of the configured generator with this address."""
    for name, table in known.items():
        if table.get("kind") == KIND and str(table.get("url", "")).rstrip("/") == url:
            return name, table
    if NAME in known:
        raise SettingsError(
            f"The settings contain another server as generators.{NAME}: {known[NAME].get('url')}.",
            remedy=f"Rename that table in the settings, or omit --upstream {url}.",
        )
    return NAME, {}


def _warn_unlisted_models(found: DiscoveredServer, wanted: tuple[str, ...]) -> list[str]:
    unlisted = [name for name in wanted if found.models and name not in found.models]
    if not unlisted:
        return []
    return [f"{found.url} does not list {', '.join(unlisted)}; it lists {', '.join(found.models or ())}."]
