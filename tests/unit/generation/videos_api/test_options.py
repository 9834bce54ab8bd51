from __future__ import annotations

from typing import Any

import pytest

from safelight.errors import SettingsError
from safelight.generation.protocol import Billing, RemoteGenerator
from safelight.generation.videos_api import create
from safelight.generation.videos_api.options import read_options


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


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({}, "url"),
        ({"url": "gpu-1:8091"}, "url"),
        ({"url": "ftp://gpu-1/v1"}, "url"),
        ({"url": "http://a:b@gpu-1/v1"}, "url"),
        ({"url": "http://gpu-1/v1", "modles": []}, "modles"),
        ({"url": "http://gpu-1/v1", "billing": "rented"}, "billing"),
        ({"url": "http://gpu-1/v1", "sizes": ["wide"]}, "sizes"),
        ({"url": "http://gpu-1/v1", "seconds": []}, "seconds"),
        ({"url": "http://gpu-1/v1", "extra_fields": {"seed": "number"}}, "extra_fields"),
        ({"url": "http://gpu-1/v1", "extra_fields": {"prompt": "str"}}, "prompt"),
        ({"url": "http://gpu-1/v1", "extra_fields": {"image_url": "str"}}, "media_fields"),
        ({"url": "http://gpu-1/v1", "models": ["wan"], "aliases": {"sora-2": "veo"}}, "the model veo"),
        ({"url": "http://gpu-1/v1", "models": ["wan"], "aliases": {"wan": "wan"}}, "the name wan"),
        ({"url": "http://gpu-1/v1", "media_fields": {"picture": "file"}}, "picture"),
        ({"url": "http://gpu-1/v1", "media_fields": {"last_frame": "text"}}, "media_fields"),
        ({"url": "http://gpu-1/v1", "text_fields": ["style"]}, "style"),
        ({"url": "http://gpu-1/v1", "usd_per_second": -1}, "usd_per_second"),
        ({"url": "http://gpu-1/v1", "api_key": "two words"}, "api_key"),
        ({"url": "http://gpu-1/v1", "ca_file": "/nowhere/ca.pem"}, "ca_file"),
    ],
)
def test_a_wrong_option_is_refused_by_name(table: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        create(table)
