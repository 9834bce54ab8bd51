"""`safelight vault`: what waits for the vault officer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.cases.vault_inputs import VaultDecisionRequest, VaultQuery
from safelight.core.records import About

from .keys import Administrator
from .language import language
from .operations import Result, command
from .output import Exit, format_time

if TYPE_CHECKING:
    from safelight.accounts import Principal
    from safelight.app.container import Container
    from safelight.core.i18n import Messages
    from safelight.videos.vault_entries import VaultEntry

app = typer.Typer(no_args_is_help=True)


@dataclass(frozen=True, kw_only=True)
class Officer(Administrator):
    """The enrolled person who decides."""

    by: Annotated[str, About(help="The vault officer, by id, e-mail address or name.")]

    def principal(self, container: Container) -> Principal:
        from safelight.core.errors import NotFound

        operator = super().principal(container)
        found = container.persistence.people.service.find_principal(operator, self.by)
        if found is None:
            raise NotFound(
                f"There is no person {self.by[:80]!r}.", param="by", remedy="See: safelight people list"
            )
        return found


@command(app)
def list_(container: Container, who: Officer, asked: VaultQuery) -> Result:
    """List open entries, the earliest due first, at most 100. Exit code 4: at least one is open."""
    from safelight.web.api import vault

    page = container.case_reads.vault.list(who.principal(container), asked)
    lines = "\n".join(map(_format, page.items)) or _texts()("none")
    code = Exit.HELD if page.items and not asked.closed else Exit.OK
    return Result(vault.show_list(page), lines, code)


@command(app)
def decide(
    container: Container,
    entry: Annotated[str, typer.Argument(help="The entry's id.")],
    asked: VaultDecisionRequest,
    who: Officer,
) -> Result:
    """Decide an entry, once."""
    from safelight.web.api.vault import show_entry

    made = container.case_reads.vault.decide(who.principal(container), entry, asked)
    return Result(show_entry(made), _format(made))


def _format(one: VaultEntry) -> str:
    t = _texts()
    end = t(f"decision.{one.decision}") if one.decision else f"{t('due')} {format_time(one.due_at)}"
    stops = f", {t('stops', subject=one.stops)}" if one.stops else ""
    return f"{one.id} {one.video_id} {t(f'kind.{one.kind}')}, {end}{stops}"


def _texts() -> Messages:
    from safelight.core.i18n import load_messages

    return load_messages("vault", language())
