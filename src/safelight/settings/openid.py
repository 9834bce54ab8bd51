"""Settings of the sign-in through an OpenID Connect provider."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from .addresses import is_loopback, parse_base_url
from .section import Section


class OpenIdSettings(Section):
    issuer: str | None = Field(
        default=None,
        description="Issuer of the OpenID Connect provider, such as `https://login.example.com/realms/acme`. "
        "Default: no sign-in through a provider. Needs `server.public_url`.",
    )
    client_id: str = Field(default="", description="Name of this installation at the provider.")
    client_secret: str = Field(
        default="",
        repr=False,
        description="Secret of this installation at the provider; set it in the environment. Empty for a "
        "client that has only the proof key (PKCE).",
    )
    name: str = Field(
        default="", description="Name of the provider on the sign-in page. Default: the host of the issuer."
    )
    scope: str = Field(
        default="openid email",
        pattern=r"^openid( [\x21\x23-\x5b\x5d-\x7e]+)*$",
        description="Scopes that are requested. `openid` comes first; some providers need a further one for "
        "groups.",
    )
    groups_claim: str = Field(
        default="groups", min_length=1, description="Claim of the ID token that contains the groups."
    )
    roles: dict[str, str] = Field(
        default_factory=dict,
        description="Role of each group. The first group in the table that a person has decides, at each "
        "sign-in; a person with none of them cannot sign in. Default: the role of the invitation stays.",
    )

    @property
    def label(self) -> str:
        return self.name or urlsplit(self.issuer or "").hostname or ""

    @field_validator("issuer")
    @classmethod
    def _is_issuer(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = parse_base_url(
            value,
            expected="an issuer, such as https://login.example.com/realms/acme",
            credentials="an issuer contains no credentials",
        )
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError("use https: only a provider on this machine may be asked without TLS")
        return value

    @field_validator("roles")
    @classmethod
    def _are_roles(cls, value: dict[str, str]) -> dict[str, str]:
        if value:
            # Only then: the package needs the dependencies of the gateway.
            from safelight.trust.accounts import Role

            for group, role in value.items():
                if role not in {known.value for known in Role}:
                    raise ValueError(f"openid.roles.{group}: {role!r} is not a role: {', '.join(Role)}")
        return value

    @model_validator(mode="after")
    def _is_complete(self) -> OpenIdSettings:
        if self.issuer is not None and not self.client_id:
            raise ValueError("set `client_id` too: the name of this installation at the provider")
        return self
