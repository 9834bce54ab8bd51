"""The `Allow` header names every method of the address, and of no other."""

from __future__ import annotations

from safelight.api.allowed_methods import find_allowed_methods

PATHS: dict[str, dict[str, object]] = {
    "/v1/videos": {"get": {}, "post": {}},
    "/v1/videos/{video_id}": {"get": {}, "delete": {}},
    "/v1/videos/check": {"post": {}},
}


def test_all_methods_of_an_address_are_named() -> None:
    assert find_allowed_methods(PATHS, "/v1/videos") == ("GET", "POST")
    assert find_allowed_methods(PATHS, "/v1/videos/video_1") == ("DELETE", "GET")


def test_a_literal_address_goes_before_a_parameter() -> None:
    assert find_allowed_methods(PATHS, "/v1/videos/check") == ("POST",)


def test_an_address_that_is_not_described_has_none() -> None:
    assert find_allowed_methods(PATHS, "/videos") == ()
