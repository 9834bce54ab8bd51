"""Strikes, bans, and the standing that follows from them."""

from .bans import Bans
from .changes import TOPIC
from .models import Ban, GivenBy, Level, Standing, Strike, Thresholds
from .service import Offence, Standings
from .shown_categories import shown_category, shown_group
from .strike_rules import (
    WEIGHTS,
    Cause,
    compute_standing,
    find_machine_cause,
    find_refusal_cause,
    find_withdrawal_cause,
)

__all__ = [
    "TOPIC",
    "WEIGHTS",
    "Ban",
    "Bans",
    "Cause",
    "GivenBy",
    "Level",
    "Offence",
    "Standing",
    "Standings",
    "Strike",
    "Thresholds",
    "compute_standing",
    "find_machine_cause",
    "find_refusal_cause",
    "find_withdrawal_cause",
    "shown_category",
    "shown_group",
]
