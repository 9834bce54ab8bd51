"""The `Allow` header names every method of the address, and of no other."""

from __future__ import annotations

from safelight.web.api.allowed_methods import find_allowed_methods

PATHS: dict[str, dict[str, object]] = {
    "/v1/videos": {"get": {}, "post": {}},
    "/v1/videos/{video_id}": {"get": {}, "delete": {}},
    "/v1/videos/check": {"post": {}},
}


def test_all_methods_of_a_path_are_listed() -> None:
    assert find_allowed_methods(PATHS, "/v1/videos") == ("GET", "POST")
    assert find_allowed_methods(PATHS, "/v1/videos/video_1") == ("DELETE", "GET")


def test_a_literal_path_takes_precedence_over_a_parameter() -> None:
    assert find_allowed_methods(PATHS, "/v1/videos/check") == ("POST",)


def test_an_undescribed_path_has_no_methods() -> None:
    assert find_allowed_methods(PATHS, "/videos") == ()
