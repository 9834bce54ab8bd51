"""Strikes, bans, and the standing that follows from them."""

from __future__ import annotations

from .bans import Bans
from .changes import TOPIC
from .degree import shown_category, shown_group
from .grounds import Cause, find_machine_cause, find_refusal_cause, find_withdrawal_cause
from .models import Ban, GivenBy, Level, Standing, StandingPage, Strike, Thresholds
from .service import Offence, Standings

__all__ = [
    "TOPIC",
    "Ban",
    "Bans",
    "Cause",
    "GivenBy",
    "Level",
    "Offence",
    "Standing",
    "StandingPage",
    "Standings",
    "Strike",
    "Thresholds",
    "find_machine_cause",
    "find_refusal_cause",
    "find_withdrawal_cause",
    "shown_category",
    "shown_group",
]
