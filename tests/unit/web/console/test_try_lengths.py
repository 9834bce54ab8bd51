from __future__ import annotations

from typing import Any, cast

from safelight.providers.protocol import Billing
from safelight.web.console.try_lengths import find_try_lengths
from safelight.web.translations import load_languages
from support.rows import each_row


class Model:
    billing = Billing.PAID
    models = ("veo-3.1",)
    aliases = ()
    usd_per_second = 0.1

    def __init__(self, seconds: tuple[float, ...]) -> None:
        self.seconds = seconds

    def info(self) -> Model:
        return self


@each_row
def test_each_length_that_is_offered_costs_what_its_request_costs(
    sold: tuple[float, ...], offered: list[tuple[int, str]]
) -> None:
    generators = cast(Any, {"veo": Model(sold)})
    found = find_try_lengths(generators, "veo-3.1", load_languages()["en"])
    lengths = [found.shortest, *found.longer] if found else []
    assert [(one.seconds, one.usd) for one in lengths] == offered
