"""How far the category of a strike is shown to the person who has it."""

from __future__ import annotations

from safelight.policy.explanations import can_name
from safelight.policy.findings import Taxonomy

from .models import Strike


def shown_group(strike: Strike, taxonomy: Taxonomy) -> str | None:
    """The group of the category; None if one classifier alone reported a grave category."""
    named = strike.category in taxonomy and can_name(strike.category, learned=strike.learned)
    return taxonomy[strike.category].group.value if named else None


def shown_category(strike: Strike, taxonomy: Taxonomy) -> str | None:
    """The category; None if only its group may be shown, because details could serve as instructions."""
    if shown_group(strike, taxonomy) is None or taxonomy[strike.category].hide_details:
        return None
    return strike.category
