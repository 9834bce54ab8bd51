"""Times, lengths and amounts as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(at: float) -> str:
    """`20 Nov 2026, 07:24 UTC`."""
    when = datetime.fromtimestamp(at, UTC)
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


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
