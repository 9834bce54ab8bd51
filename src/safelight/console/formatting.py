"""Times, lengths and amounts as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

from .translations import Translations


def moment(at: float, words: Translations) -> str:
    """`20 Nov 2026, 07:24 UTC`, in the order of the language."""
    when = datetime.fromtimestamp(at, UTC)
    months = words("time.months").split(" ")
    return words(
        "time.moment",
        day=when.day,
        month=months[when.month - 1],
        year=when.year,
        time=f"{when:%H:%M}",
    )


def day(at: float, words: Translations) -> str:
    """`20 Nov 2026`."""
    when = datetime.fromtimestamp(at, UTC)
    months = words("time.months").split(" ")
    return words("time.day", day=when.day, month=months[when.month - 1], year=when.year)


def clock(at: float) -> str:
    """`07:24:05.120`: for lists of what happened within one day."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]


def length(seconds: float, words: Translations) -> str:
    """`6 ms`, `1.4 s`, `12 min`."""
    if seconds < 0.9995:
        return words("time.ms", n=round(seconds * 1000))
    if seconds < 120:
        return words("time.s", n=decimal(round(seconds, 1)))
    if seconds < 7200:
        return words("time.min", n=round(seconds / 60))
    if seconds < 172_800:
        return words("time.h", n=round(seconds / 3600))
    return words("time.d", n=round(seconds / 86_400))


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def money(amount: float, currency: str) -> str:
    """`$0.40`; other currencies by their code."""
    figure = f"{amount:.2f}" if amount >= 0.01 or amount == 0 else f"{amount:.4f}"
    return f"${figure}" if currency == "USD" else f"{figure} {currency}"


def decimal(value: float) -> str:
    """At most two decimals, none where there are none."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def short(text: str, most: int = 90) -> str:
    """The start of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def category_name(category: str, words: Translations) -> str:
    """The category in the reader's language; an added one by its own name."""
    key = f"category.{category.replace('/', '_').replace('-', '_')}"
    return words(key) if words.has(key) else category
