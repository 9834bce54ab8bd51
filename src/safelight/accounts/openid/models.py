"""What this installation is at an OpenID provider, and what the provider states about a person."""

from __future__ import annotations

from dataclasses import dataclass, field

from safelight.accounts import Role
from safelight.accounts.people import SignedIn

CALLBACK_PATH = "/login/openid/callback"
#: The page to which the provider leads back after a sign-out.
SIGNED_OUT_PATH = "/login"


@dataclass(frozen=True, kw_only=True)
class OpenIdClient:
    """The registration of this installation at its provider."""

    issuer: str
    client_id: str
    #: Empty for a client that has only the proof key (PKCE).
    client_secret: str = field(default="", repr=False)
    #: Base URL of this installation, without a slash at its end.
    base_url: str
    scope: str = "openid email"

    @property
    def redirect_uri(self) -> str:
        return f"{self.base_url}{CALLBACK_PATH}"

    @property
    def signed_out_uri(self) -> str:
        return f"{self.base_url}{SIGNED_OUT_PATH}"


@dataclass(frozen=True, kw_only=True)
class OpenIdRules:
    """How claims become roles. Without `roles`, each person keeps the role of the invitation."""

    groups_claim: str = "groups"
    #: The role of each group. A person in several of them gets the role of the first.
    roles: tuple[tuple[str, Role], ...] = ()

    def role(self, present: Role, groups: frozenset[str]) -> Role | None:
        """The role of a person who is in these groups; None if none of the groups may sign in.

        Groups neither give nor take the role owner unless one of them is configured for it.
        """
        if not self.roles:
            return present
        if present is Role.OWNER and Role.OWNER not in {role for _, role in self.roles}:
            return present
        return next((role for group, role in self.roles if group in groups), None)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A person as a verified ID token describes them."""

    issuer: str
    subject: str
    #: Empty unless the provider has verified the address.
    email: str
    groups: frozenset[str]
    #: The session at the provider; empty if the provider does not name it.
    sid: str
    #: The token itself, which names the session when a person signs out.
    id_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class EndedAtProvider:
    """A verified message of the provider that sessions ended. At least one of `subject` and `sid` is set."""

    issuer: str
    subject: str
    sid: str


@dataclass(frozen=True, kw_only=True)
class BegunSignIn:
    """Where a browser goes to sign in, and the secret that binds the answer to this browser."""

    url: str
    browser_secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class CallbackAnswer:
    """What the provider sent back through the browser."""

    state: str
    code: str = field(default="", repr=False)
    #: The issuer as the answer names it (RFC 9207); empty if it names none.
    issuer: str = ""
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class CompletedSignIn:
    signed_in: SignedIn
    #: The page from which the sign-in began.
    back: str
