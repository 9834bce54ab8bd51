"""Changes of the operator's name lists on the settings page. Each change is recorded in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import Forbidden, InvalidField
from safelight.core.ids import new_id
from safelight.detectors.text.entities import EntityKind
from safelight.detectors.text.operator_lists import NameListImport, OperatorLists

if TYPE_CHECKING:
    from safelight.detectors.list_origins import ListRecord
    from safelight.store.database import Database

_MAX_TEXT_CHARS = 100_000


@dataclass(frozen=True, kw_only=True)
class NameListEditor:
    lists: OperatorLists
    database: Database
    #: The folder for temporary files.
    scratch: Path
    #: Returns every list, shipped ones too, with its owner, source and problems.
    records: Callable[[], tuple[ListRecord, ...]]
    #: Returns the installation's first tenant. The lists apply to the whole installation, so only persons of
    #: this tenant may change them.
    tenant: Callable[[], str]

    def may_change(self, principal: Principal) -> bool:
        return principal.tenant == self.tenant() and principal.has_scope(KeyScope.ADMIN)

    def sizes(self) -> dict[str, int]:
        """The number of names in each list."""
        return {name: len(self.lists.rows(name)) for name in self.lists.names()}

    def add(self, principal: Principal, name: str, kind: str, text: str) -> NameListImport:
        """Add names to a list, one per line. A list that does not exist is created."""
        self._require(principal)
        if kind not in set(EntityKind):
            raise InvalidField("The kind of the names is unknown.", param="kind")
        if not text.strip() or len(text) > _MAX_TEXT_CHARS:
            raise InvalidField(f"Give 1 to {_MAX_TEXT_CHARS:,} characters of names.", param="names")
        source = self.scratch / f"{new_id('req')}.txt"
        source.write_text(text, encoding="utf-8")
        try:
            done = self.lists.import_file(source, name=name, kind=EntityKind(kind))
        finally:
            source.unlink()
        self._record(principal, "names.imported", name, {"added": done.added, "total": done.total})
        return done

    def remove(self, principal: Principal, name: str, entry: str | None) -> None:
        """Remove one name, or the whole list if `entry` is None."""
        self._require(principal)
        removed = self.lists.remove(name, entry)
        self._record(principal, "names.removed", name, {"removed": removed})

    def _require(self, principal: Principal) -> None:
        if not self.may_change(principal):
            raise Forbidden("Only an administrator of this installation may change name lists.")

    def _record(self, principal: Principal, event: str, name: str, content: dict[str, int]) -> None:
        with self.database.transaction(principal.tenant) as tx:
            tx.append_audit(event, subject=f"names:{name}", actor=principal.id, content=content)
