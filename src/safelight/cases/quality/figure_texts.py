"""Figures from decided videos as sentences, for the command and the page."""

from __future__ import annotations

from safelight.core.i18n import Messages

from .figures import MIN_DECISIONS, DecidedRate, PointProposal


def describe_rate(one: DecidedRate, t: Messages) -> str:
    if one.rate is None or one.interval is None:
        return t("figures.too_few")
    rate, low, high = (f"{100 * share:.2f} %" for share in (one.rate, *one.interval))
    return t("figures.rate", rate=rate, low=low, high=high)


def describe_proposal(point: PointProposal, name: str, t: Messages) -> str:
    """What is proposed for the scores with this name, or why nothing is."""
    if point.right is None:
        return t(f"figures.{point.state.value}", name=name, n=point.decisions, needed=MIN_DECISIONS)
    rules = [t("figures.rule", rule=one.rule, score=f"{one.score:g}") for one in point.rules]
    return t(
        "figures.proposed",
        name=name,
        score=f"{point.score:g}",
        right=point.right.count,
        n=point.right.n,
        rate=describe_rate(point.right, t),
        missed=point.missed,
        rules=t("figures.separator").join(rules) or t("figures.no_rule"),
    )
