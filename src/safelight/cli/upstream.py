"""An upstream from its address: its models, its key, its table in the settings, and what is to be feared."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.errors import SettingsError, UpstreamRejected, UpstreamUnavailable

if TYPE_CHECKING:
    from safelight.generation.videos_api.discovery import DiscoveredServer

#: The generator's name in the settings.
NAME = "upstream"
KEY_VARIABLE = "SAFELIGHT_UPSTREAM_KEY"
KIND = "videos_api"


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """One server, ready to be a generator: `table` is what the settings say of it, without its key."""

    name: str
    table: Mapping[str, Any]
    api_key: str = ""
    #: None where it did not answer and what is known of it came from the settings or the command line.
    found: DiscoveredServer | None = None
    warnings: tuple[str, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The table with the key, as the installation is given it."""
        return {**self.table, **({"api_key": self.api_key} if self.api_key else {})}


@dataclass(frozen=True, kw_only=True)
class UpstreamAnswers:
    """What the command line says about an upstream."""

    url: str
    key_file: Path | None = None
    models: Sequence[str] = ()
    paid: bool = False
    #: The generators that the settings have already.
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_key(file: Path | None) -> str:
    """The upstream's key from a file, else from the environment; empty where there is none."""
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
    """The upstream at an address, asked for its models. Raises `SettingsError` where it cannot be used.

    One that does not answer can be used where its models are named, or stand in the settings already.
    """
    from safelight.generation.videos_api.discovery import base_url, discover

    url = base_url(asked.url)
    name, before = _known(url, asked.known)
    key = read_key(asked.key_file) or str(before.get("api_key", ""))
    named = tuple(asked.models) or tuple(before.get("models", ()))
    warnings: list[str] = []
    found = None
    try:
        found = discover(url, api_key=key)
    except UpstreamUnavailable as error:
        if not named:
            raise SettingsError(
                f"{error.message} Its models are not known, so nothing can be offered.",
                remedy="Start it first, or name its models: --model NAME (may be given again).",
            ) from None
        warnings.append(f"{error.message} Orders for it wait until it does, or until their deadline.")
    except UpstreamRejected as error:
        raise SettingsError(
            error.message,
            remedy=f"Put its key into {KEY_VARIABLE}, or into a file for --upstream-key-file."
            if "key" in error.message
            else "Correct the address.",
        ) from None
    if found is not None:
        warnings += upstream_warnings(found)
        warnings += _strangers_to(found, tuple(asked.models))
    models = named if asked.models or found is None else found.models or named
    if not models:
        raise SettingsError(
            f"{url} has no list of its models (GET /v1/models)."
            if found is None or found.models is None
            else f"{url} lists no models.",
            remedy="Name them: --model NAME (may be given again).",
        )
    billing = "paid" if asked.paid else before.get("billing", "own")
    table = {**before, "kind": KIND, "url": url, "models": list(models), "billing": billing}
    table.pop("api_key", None)
    return Upstream(name=name, table=table, api_key=key, found=found, warnings=tuple(warnings))


def upstream_warnings(found: DiscoveredServer) -> list[str]:
    """Sentences on a server that people could use past us; empty where its network keeps them out."""
    from safelight.generation.videos_api.discovery import NetworkLocation

    said = []
    if found.exposed and found.keyed:
        said.append(
            f"{found.url} ANSWERS STRANGERS: it lists its models to callers without a key, although we have "
            "one. Whoever reaches it gets videos that nobody checked. Make it ask for its key, and keep it "
            "on a network that only Safelight reaches."
        )
    elif found.exposed:
        where = "a public address" if found.place is NetworkLocation.PUBLIC else "an address we cannot place"
        said.append(
            f"{found.url} ANSWERS STRANGERS: it has {where} and asks for no key. Whoever reaches it gets "
            "videos that nobody checked. Move it to a private network that only Safelight reaches, and give "
            "it a key."
        )
    if found.keyed and found.place is NetworkLocation.PUBLIC and found.url.startswith("http://"):
        said.append(f"The key for {found.url} travels unencrypted over a public network. Use https.")
    return said


def from_environment(generators: Mapping[str, Mapping[str, Any]], file: Path | None) -> dict[str, Any]:
    """The settings' generators with the key for `upstream` put in, where one is given and they have none."""
    key = read_key(file)
    table = generators.get(NAME)
    if not key or table is None or table.get("api_key"):
        if file is not None and (table is None or table.get("kind") != KIND):
            raise SettingsError(
                "--upstream-key-file is for the generator `upstream`, and the settings have none.",
                remedy="Give its address with --upstream.",
            )
        return {}
    return {**generators, NAME: {**table, "api_key": key}}


def _known(url: str, known: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    """The generator that the settings have for this address, and its table."""
    for name, table in known.items():
        if table.get("kind") == KIND and str(table.get("url", "")).rstrip("/") == url:
            return name, table
    if NAME in known:
        raise SettingsError(
            f"The settings have another server under generators.{NAME}: {known[NAME].get('url')}.",
            remedy=f"Give that table another name in the settings, or leave out --upstream {url}.",
        )
    return NAME, {}


def _strangers_to(found: DiscoveredServer, wanted: tuple[str, ...]) -> list[str]:
    unlisted = [name for name in wanted if found.models and name not in found.models]
    if not unlisted:
        return []
    return [f"{found.url} does not list {', '.join(unlisted)}; it lists {', '.join(found.models or ())}."]
