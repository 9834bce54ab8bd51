"""People who sign in: invitations, roles, passwords and one-time codes."""

from .models import LANGUAGES, DisabledPerson, Invitation, KeysOfDisabled, NewPerson, Person, PersonState
from .passwords import PasswordHasher
from .service import People
from .sign_in import OpenInvitation, Proofs, SignedIn, SignIn

__all__ = [
    "LANGUAGES",
    "DisabledPerson",
    "Invitation",
    "KeysOfDisabled",
    "NewPerson",
    "OpenInvitation",
    "PasswordHasher",
    "People",
    "Person",
    "PersonState",
    "Proofs",
    "SignIn",
    "SignedIn",
]
