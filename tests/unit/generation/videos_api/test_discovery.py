from __future__ import annotations

import pytest

from safelight.errors import SettingsError
from safelight.generation.videos_api.discovery import DiscoveredServer, NetworkLocation, base_url, place


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("http://gpu:8091", "http://gpu:8091/v1"),
        ("http://gpu:8091/", "http://gpu:8091/v1"),
        ("http://gpu:8091/v1", "http://gpu:8091/v1"),
        ("http://gpu:8091/v1/", "http://gpu:8091/v1"),
        ("gpu:8091", "http://gpu:8091/v1"),
        (" https://videos.example.com/serving ", "https://videos.example.com/serving/v1"),
        ("http://[fd00::7]:8091", "http://[fd00::7]:8091/v1"),
    ],
)
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
    ("answers", "wanted"),
    [
        (["127.0.0.1"], NetworkLocation.LOOPBACK),
        (["127.0.0.1", "::1"], NetworkLocation.LOOPBACK),
        (["10.1.2.3"], NetworkLocation.PRIVATE),
        (["127.0.0.1", "192.168.1.4"], NetworkLocation.PRIVATE),
        (["fe80::1%eth0"], NetworkLocation.PRIVATE),
        (["93.184.216.34"], NetworkLocation.PUBLIC),
        (["10.1.2.3", "93.184.216.34"], NetworkLocation.PUBLIC),
        ([], NetworkLocation.UNKNOWN),
        (["nonsense"], NetworkLocation.UNKNOWN),
    ],
)
def test_the_most_public_address_decides_the_network_location(
    answers: list[str], wanted: NetworkLocation
) -> None:
    assert place("http://gpu:8091/v1", lambda _host, _port: answers) is wanted


def test_an_unresolvable_name_has_an_unknown_location() -> None:
    def unresolvable(_host: str, _port: int) -> list[str]:
        raise OSError("unknown")

    assert place("http://gpu:8091/v1", unresolvable) is NetworkLocation.UNKNOWN


@pytest.mark.parametrize(
    ("lies", "answers_strangers", "keyed", "exposed"),
    [
        (NetworkLocation.LOOPBACK, True, False, False),
        (NetworkLocation.PRIVATE, True, False, False),
        (NetworkLocation.PUBLIC, True, False, True),
        (NetworkLocation.UNKNOWN, True, False, True),
        (NetworkLocation.PRIVATE, True, True, True),
        (NetworkLocation.PUBLIC, False, True, False),
    ],
)
def test_a_server_is_exposed_if_clients_can_bypass_safelight(
    lies: NetworkLocation, answers_strangers: bool, keyed: bool, exposed: bool
) -> None:
    found = DiscoveredServer(
        url="http://gpu/v1", models=("m",), place=lies, answers_strangers=answers_strangers, keyed=keyed
    )
    assert found.exposed is exposed
