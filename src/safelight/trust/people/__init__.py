"""People who sign in: invitations, roles, passwords and one-time codes."""

from __future__ import annotations

from .models import LANGUAGES, Invitation, NewPerson, Person, PersonState
from .service import People

__all__ = ["LANGUAGES", "Invitation", "NewPerson", "People", "Person", "PersonState"]
