"""Adds templates, passes them through review, and renders prompts. Every change is in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, or_

from safelight.accounts import KeyScope, Principal, find_same_people
from safelight.accounts.deciders import find_deciders
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.store.database import Database, Filter, Row, Transaction
from safelight.store.pages import Page, read_page
from safelight.store.tables import prompt_templates

from . import store
from .documents import read_document
from .models import RenderedPrompt, Template, TemplateCall, TemplateState, TemplateVersion, Validation
from .rendering import render_call

#: A template of the largest allowed text with all its slots is smaller.
MAX_SOURCE_CHARACTERS = 64_000
#: The record of a version shows its newest videos.
MAX_VALIDATIONS = 100
#: Of one name. A change makes a new version, so a template in use has some tens at most.
MAX_VERSIONS = 100
#: Versions of all names of a tenant. A list reads each of them, about 10 ms for the longest.
MAX_STORED = 500
#: Any of these scopes is enough to render a prompt.
_RENDERERS = frozenset({KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE, KeyScope.CHECKS})


class Templates:
    """The prompt templates of a tenant. An approval never changes how a prompt is judged."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self, principal: Principal, *, after: str | None = None, limit: int = MAX_STORED
    ) -> Page[Template]:
        """The versions of all templates, by name, the newest version first. `after`: the id of a version."""
        principal.require(KeyScope.VIDEOS_READ)
        columns = prompt_templates.c
        order = (columns.name, columns.version.desc())
        with self._database.read_transaction(principal.tenant) as tx:
            where: tuple[Filter, ...] = ()
            if after is not None:
                last = tx.one(prompt_templates, after)
                if last is None:
                    raise NotFound(f"There is no template with the id {after[:80]!r}.", param="after")
                older = and_(columns.name == last.name, columns.version < last.version)
                where = (or_(columns.name > last.name, older),)
            page = read_page(tx, prompt_templates, *where, order_by=order, limit=limit)
            return Page(_templates(tx, page.items), page.has_more)

    def versions(self, principal: Principal, name: str) -> tuple[TemplateVersion, ...]:
        """The versions of one template without their texts, the newest first."""
        principal.require(KeyScope.VIDEOS_READ)
        with self._database.read_transaction(principal.tenant) as tx:
            return store.read_versions(tx, name)

    def get(self, principal: Principal, name: str, version: int | None = None) -> Template:
        """One version; None: the newest approved one, or the newest if none is approved."""
        principal.require(KeyScope.VIDEOS_READ)
        with self._database.read_transaction(principal.tenant) as tx:
            return _template(tx, _find(tx, name, version))

    def add(self, principal: Principal, source: str) -> Template:
        """Store a draft as the next version of its name. Raises `InvalidField` with all its problems."""
        principal.require(KeyScope.VIDEOS_WRITE)
        if len(source) > MAX_SOURCE_CHARACTERS:
            raise InvalidField(
                f"A template has at most {MAX_SOURCE_CHARACTERS:,} characters.", param="source"
            )
        document = read_document(source)
        identity = new_id("template")
        with self._database.transaction(principal.tenant) as tx:
            version = store.newest_version(tx, document.name) + 1
            if version > MAX_VERSIONS or tx.count(prompt_templates) >= MAX_STORED:
                raise Conflict(
                    f"A template has at most {MAX_VERSIONS} versions, and all templates together "
                    f"{MAX_STORED:,}.",
                    param="source",
                    remedy="Give the template another name, or ask the operator: versions are never deleted.",
                )
            added = tx.insert_or_ignore(
                prompt_templates,
                id=identity,
                name=document.name,
                version=version,
                state=TemplateState.DRAFT.value,
                source=source,
                author=principal.id,
                author_name=principal.name,
                created_at=tx.now(),
            )
            if not added:
                raise Conflict(
                    f"Another version of {document.name} was added at the same time. Send it again.",
                    param="source",
                )
            _record(tx, "template.added", identity, principal, document.name, version)
            return _template(tx, _find(tx, document.name, version))

    def submit(self, principal: Principal, name: str, version: int) -> Template:
        """Hand a draft over for review. It waits there until another person approves it."""
        principal.require(KeyScope.VIDEOS_WRITE)
        with self._database.transaction(principal.tenant) as tx:
            row = _find(tx, name, version)
            _require_state(row, TemplateState.DRAFT)
            _change(tx, row, TemplateState.REVIEW, submitted_at=tx.now())
            _record(tx, "template.submitted", row.id, principal, name, version)
            return _template(tx, _find(tx, name, version))

    def approve(self, principal: Principal, name: str, version: int) -> Template:
        """Approve a version in review. Raises `Forbidden` for its author, also with an own key."""
        principal.require(KeyScope.REVIEW)
        with self._database.transaction(principal.tenant) as tx:
            row = _find(tx, name, version)
            _require_state(row, TemplateState.REVIEW)
            _require_another_person(tx, _template(tx, row), principal)
            _change(
                tx,
                row,
                TemplateState.APPROVED,
                approved_at=tx.now(),
                approver=principal.id,
                approver_name=principal.name,
            )
            _record(tx, "template.approved", row.id, principal, name, version)
            return _template(tx, _find(tx, name, version))

    def retire(self, principal: Principal, name: str, version: int) -> Template:
        """End the use of a version. Its author may do so, and everyone who may approve."""
        with self._database.transaction(principal.tenant) as tx:
            row = _find(tx, name, version)
            if principal.id != row.author:
                principal.require(KeyScope.REVIEW)
            if row.state == TemplateState.RETIRED.value:
                raise Conflict(f"Version {version} of {name} is retired already.", param="version")
            _change(tx, row, TemplateState.RETIRED, retired_at=tx.now())
            _record(tx, "template.retired", row.id, principal, name, version)
            return _template(tx, _find(tx, name, version))

    def render(self, principal: Principal, call: TemplateCall) -> RenderedPrompt:
        """The prompt for these values. It is judged like every prompt.

        For everyone who may read, make or check a video. Raises `InvalidField` for values that do not fit,
        `NotFound`, and `Conflict` for a retired version.
        """
        if not principal.has_one_of(_RENDERERS):
            principal.require(KeyScope.VIDEOS_READ)
        with self._database.read_transaction(principal.tenant) as tx:
            return render_call(store.template_from_row(_find(tx, call.name, call.version)), call)

    def validations(self, principal: Principal, name: str, version: int) -> tuple[Validation, ...]:
        """What the videos made from a version show, newest first."""
        principal.require(KeyScope.VIDEOS_READ)
        with self._database.read_transaction(principal.tenant) as tx:
            return store.read_validations(tx, _find(tx, name, version).id, MAX_VALIDATIONS)


def _find(tx: Transaction, name: str, version: int | None) -> Row:
    """One version; None: the newest approved one, or the newest if none is approved."""
    found = [one for one in store.read_versions(tx, name) if version in {None, one.version}]
    if not found:
        which = "template" if version is None else f"version {version} of a template"
        raise NotFound(
            f"There is no {which} {name[:80]!r}.",
            param="safelight.template",
            remedy="See: safelight templates list",
        )
    chosen = next((one for one in found if one.state is TemplateState.APPROVED), found[0])
    columns = prompt_templates.c
    row = tx.one(prompt_templates, columns.name == name, columns.version == chosen.version)
    assert row is not None, "versions are never deleted"
    return row


def _require_state(row: Row, state: TemplateState) -> None:
    if row.state != state.value:
        raise Conflict(
            f"Version {row.version} of {row.name} is in the state {row.state}, not in {state.value}.",
            param="version",
        )


def _change(tx: Transaction, row: Row, state: TemplateState, **columns: Any) -> None:
    """Move a version to another state. Raises `Conflict` if another request was faster."""
    changed = tx.update(
        prompt_templates,
        row.id,
        prompt_templates.c.state == row.state,
        state=state.value,
        **columns,
    )
    if not changed:
        raise Conflict(f"Version {row.version} of {row.name} was changed at the same time.", param="version")


def _record(
    tx: Transaction, event: str, identity: str, principal: Principal, name: str, version: int
) -> None:
    content = {"name": name, "version": version, "by": principal.name}
    tx.append_audit(event, subject=identity, actor=principal.id, content=content)


def _require_another_person(tx: Transaction, template: Template, principal: Principal) -> None:
    if principal.id not in find_same_people(tx, {template.author}):
        return
    remedy = "Ask another person with the scope review to approve it."
    if template.no_eligible_approver:
        remedy = (
            "No other person is enrolled, so it stays in review. Enrol one: "
            "safelight keys create NAME --scope review --scope videos:read"
        )
    raise Forbidden("The author of a template may not approve it.", remedy=remedy)


def _template(tx: Transaction, row: Row) -> Template:
    (found,) = _templates(tx, [row])
    return found


def _templates(tx: Transaction, rows: Sequence[Row]) -> tuple[Template, ...]:
    waiting = {row.id for row in rows if row.state == TemplateState.REVIEW.value}
    approvers = find_deciders(tx, vault=False) if waiting else frozenset()
    return tuple(
        store.template_from_row(
            row,
            no_eligible_approver=row.id in waiting and approvers <= find_same_people(tx, {row.author}),
        )
        for row in rows
    )
