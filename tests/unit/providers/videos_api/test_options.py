from __future__ import annotations

from typing import Any

import pytest

from safelight.core.errors import SettingsError
from safelight.providers.protocol import Billing, RemoteGenerator
from safelight.providers.videos_api import create
from safelight.providers.videos_api.options import read_options
from support.rows import each_row


def test_a_complete_table_makes_a_remote_generator() -> None:
    generator = create(
        {
            "url": "http://gpu-1:8091/v1",
            "name": "wan",
            "billing": "own",
            "models": ["wan-2.2"],
            "seconds": [4, 8],
            "sizes": ["1280x720", "720x1280"],
            "extra_fields": {"seed": "int", "negative_prompt": "str"},
            "text_fields": ["negative_prompt"],
        }
    )
    assert isinstance(generator, RemoteGenerator)
    offer = generator.info()
    assert generator.billing is Billing.OWN
    assert offer.sizes == ((1280, 720), (720, 1280))
    assert offer.extra_fields == {"seed": int, "negative_prompt": str}
    assert offer.usd_per_second == 0.0
    generator.close()


def test_a_paid_generator_without_a_price_costs_an_unknown_amount() -> None:
    assert read_options({"url": "https://api.example.com/v1"}).info().usd_per_second is None


@each_row
def test_a_wrong_option_is_refused_by_name(table: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        create(table)
