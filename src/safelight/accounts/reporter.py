"""Who sent a report or appeal: a key, a person or a network address, or an end user through one of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from safelight.store.database import Transaction

from .models import Principal, PrincipalKind, find_same_people

_VISITOR = "visitor:"
_KEY = f"{PrincipalKind.KEY.value}:"


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """A reporter within a tenant.

    The source is part of the name, so that an end user who is called like another source, or like an end user
    of another key, has limits and an accuracy of their own.
    """

    #: `key:ID`, `person:ID` or `visitor:DIGEST`.
    source: str
    end_user: str | None = None

    @classmethod
    def of(cls, principal: Principal, end_user: str | None) -> Reporter:
        return cls(source=f"{principal.kind.value}:{principal.id}", end_user=end_user)

    @classmethod
    def of_visitor(cls, network_digest: str) -> Reporter:
        return cls(source=_VISITOR + network_digest)

    @classmethod
    def parse(cls, name: str) -> Reporter:
        """The reporter with this name. No source contains a slash; an identifier of an end user may."""
        source, separator, end_user = name.partition("/")
        return cls(source=source, end_user=end_user if separator else None)

    @property
    def name(self) -> str:
        return self.source if self.end_user is None else f"{self.source}/{self.end_user}"

    @property
    def is_key(self) -> bool:
        return self.source.startswith(_KEY)

    @property
    def is_visitor(self) -> bool:
        return self.source.startswith(_VISITOR)

    @property
    def crowd(self) -> str:
        """Who shares the limit of hidden videos: the end users of a source, or all visitors, because one
        person can have thousands of networks.
        """
        return _VISITOR if self.is_visitor else f"{self.source}/"

    @property
    def principal_id(self) -> str | None:
        """The id of the key or person that reported; None for a network address and for an end user of a key,
        who is no principal here and may have any name.
        """
        is_principal = not self.is_visitor and (self.end_user is None or not self.is_key)
        return self.source.partition(":")[2] if is_principal else None

    @property
    def identity(self) -> str:
        """The identifier of the end user, or the id of the key or person, without its source."""
        return self.source.partition(":")[2] if self.end_user is None else self.end_user


def list_own_sources(tx: Transaction, principal: Principal) -> list[str]:
    """The sources of the reports of this key or person, and of the keys of the same person."""
    people = sorted(find_same_people(tx, (principal.id,)))
    return [f"{kind.value}:{one}" for kind in PrincipalKind for one in people]


class ReporterKind(StrEnum):
    #: A program of the tenant, which often reports for an end user.
    KEY = "key"
    #: A person who is signed in to the console.
    PERSON = "person"
    #: An end user who filled in the form on the page of the video.
    END_USER = "end_user"
    #: A person without an account.
    VISITOR = "visitor"
