"""Money has one form, in both clients, on the command line and on the pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.i18n import LANGUAGES
from safelight_client.money import format_at_most, format_money

ROOT = Path(__file__).parents[2]
#: Amounts of which `clients/node/src/money.ts` must make the same texts.
FORMS = [
    (1.2, "USD", "$1.20"),
    (0.0, "USD", "$0.00"),
    (0.004, "USD", "$0.004"),
    (0.30000000000000004, "USD", "$0.30"),
    (1234567.25, "USD", "$1234567.25"),
    (1e-7, "USD", "$0.000001"),
    (-0.5, "USD", "-$0.50"),
    (1.2, "EUR", "1.20 EUR"),
    (12.0, "CREDITS", "12 CREDITS"),
    (2.5, "CREDITS", "2.5 CREDITS"),
]
#: How money was written before: 1.20 USD, US$1.20, and two fixed decimals beside a currency.
OLD = re.compile(
    r"US\$|[\d}] USD\b|[\d}] (?:美元|dollars)|USD at most"
    r"|\$\{?[\w.]+:\.\df|(?:usd|cost|price|spent|worst|amount)\w*(?:\[.{1,20}\])?:(?:\.\df|g)\}|toFixed\(2\)",
    re.IGNORECASE,
)


@pytest.mark.parametrize(("amount", "currency", "text"), FORMS)
def test_money_has_one_form(amount: float, currency: str, text: str) -> None:
    assert format_money(amount, currency) == text


def test_a_price_that_is_not_known_is_never_an_amount() -> None:
    assert format_money(None) == format_at_most(0.0, 2) == "price not known"
    assert format_at_most(1.2, 0) == "at most $1.20"
    assert format_at_most(1.2, 2) == "at most $1.20 and 2 whose price is not known"


@given(st.floats(min_value=0.000001, max_value=10_000))
def test_an_amount_is_never_shown_lower_than_it_is(usd: float) -> None:
    shown = float(format_money(usd).removeprefix("$"))
    assert round(usd, 6) <= shown < usd + 0.0000021


def sources() -> list[Path]:
    folders = [ROOT / "clients" / "python" / "src", ROOT / "clients" / "node" / "src"]
    product = ROOT / "src" / "safelight"
    parts = ("cli", "console", "api", "web", "attempts", "advice", "policy", "jobs", "mcp", "i18n", "trust")
    found = [path for folder in (*folders, *(product / part for part in parts)) for path in folder.rglob("*")]
    return [path for path in found if path.suffix in (".py", ".ts", ".js", ".html", ".yaml")]


def test_no_source_and_no_message_has_an_old_form_of_money() -> None:
    assert len(LANGUAGES) == 3
    # Forms, which are read again by a program, keep plain numbers.
    allowed = {"try_lengths.py", "studio.py", "try_pages.py"}
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in sources()
        if path.name not in allowed
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if OLD.search(line)
    ]
    assert wrong == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_no_page_has_an_old_form_of_money(page: Path) -> None:
    text = page.read_text("utf-8")
    assert re.findall(r"US\$\d|\d USD\b|USD at most", text) == []
