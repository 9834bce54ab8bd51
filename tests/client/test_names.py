from __future__ import annotations

import safelight.client
import safelight_client


def test_the_server_package_has_every_name_of_the_client() -> None:
    for name in safelight_client.__all__:
        assert getattr(safelight.client, name) is getattr(safelight_client, name)


def test_both_distributions_have_the_same_version() -> None:
    assert safelight_client.__version__ == safelight.__version__


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(safelight_client, "no_such_name")
