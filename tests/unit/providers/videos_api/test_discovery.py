from __future__ import annotations

import pytest

from safelight.core.errors import SettingsError
from safelight.providers.fal import FAL_PLATFORM_URL, FAL_URL
from safelight.providers.runway import RUNWAY_URL
from safelight.providers.veo import GEMINI_URL
from safelight.providers.videos_api.discovery import DiscoveredServer, NetworkLocation, base_url, place
from support.rows import each_row


@each_row
def test_a_typed_address_is_completed_with_scheme_and_version(typed: str, wanted: str) -> None:
    assert base_url(typed) == wanted


@pytest.mark.parametrize(
    "typed", ["", "http://", "ftp://gpu", "http://me:secret@gpu", "http://gpu/?key=x", "http://gpu/#a", "://"]
)
def test_an_unsuitable_address_is_refused(typed: str) -> None:
    with pytest.raises(SettingsError, match="not an upstream address") as error:
        base_url(typed)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        (GEMINI_URL, "veo"),
        ("https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1", "veo"),
        (RUNWAY_URL, "runway"),
        (FAL_URL, "fal"),
        (FAL_PLATFORM_URL, "fal"),
    ],
)
def test_the_address_of_a_provider_with_its_own_api_names_the_kind_of_generator(
    typed: str, kind: str
) -> None:
    with pytest.raises(SettingsError, match="no /v1/videos") as error:
        base_url(typed)
    assert f"`{kind}`" in error.value.remedy
    assert base_url("http://notfal.ai:80").startswith("http://notfal.ai")


@each_row
def test_the_most_public_address_decides_the_network_location(
    answers: list[str], wanted: NetworkLocation
) -> None:
    assert place("http://gpu:8091/v1", lambda _host, _port: answers) is wanted


def test_an_unresolvable_name_has_an_unknown_location() -> None:
    def unresolvable(_host: str, _port: int) -> list[str]:
        raise OSError("unknown")

    assert place("http://gpu:8091/v1", unresolvable) is NetworkLocation.UNKNOWN


@each_row
def test_a_server_is_exposed_if_clients_can_bypass_safelight(
    lies: NetworkLocation, answers_strangers: bool, keyed: bool, exposed: bool
) -> None:
    found = DiscoveredServer(
        url="http://gpu/v1", models=("m",), place=lies, answers_strangers=answers_strangers, keyed=keyed
    )
    assert found.exposed is exposed
