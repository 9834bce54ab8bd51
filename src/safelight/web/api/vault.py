"""The lane of the vault officer: views and operations."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from safelight.accounts import KeyScope
from safelight.cases.vault import Vault
from safelight.store.pages import Page
from safelight.videos.vault_entries import VaultEntry
from safelight.web.operations import Operations
from safelight.web.views import ListPage, show

operations = Operations("/v1/vault", tag="vault", scopes=(KeyScope.VAULT,), of=attrgetter("vault"))


@dataclass(frozen=True, kw_only=True)
class VaultEntryObject(VaultEntry):
    object: Literal["vault_entry"] = "vault_entry"


@dataclass(frozen=True, kw_only=True)
class VaultEntryList(ListPage):
    data: tuple[VaultEntryObject, ...]


def show_entry(found: VaultEntry) -> VaultEntryObject:
    return show(VaultEntryObject, found)


def show_list(page: Page[VaultEntry]) -> VaultEntryList:
    return VaultEntryList.page(map(show_entry, page.items), has_more=page.has_more)


operations.add(
    "GET ",
    "List what waits for the vault officer",
    Vault.list,
    shows=show_list,
    description="Open ones, the earliest due first; at most 100. Only for a person with the role "
    "`vault_officer`.",
    name="list_vault_entries",
)
operations.add(
    "POST /{entry_id}/decision",
    "Decide an entry of the vault officer (once)",
    Vault.decide,
    404,
    409,
    shows=show_entry,
    name="decide_vault_entry",
)
