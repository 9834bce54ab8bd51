"""Run by Alembic: our tables, on the connection we were handed, all in its one transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from safelight.store.tables import metadata
from safelight.store.tables.types import Json


def plainly(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Migrations know only SQLAlchemy's own types: ours may change after them."""
    return "sa.Text()" if kind == "type" and isinstance(item, Json) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=True,
    transactional_ddl=True,
    render_item=plainly,
)
context.run_migrations()
