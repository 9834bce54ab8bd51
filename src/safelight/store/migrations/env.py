"""Run by Alembic: applies the migrations to our tables on the given connection, in one transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from safelight.store.tables import metadata
from safelight.store.tables.types import Json


def render_json_as_text(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """In migrations, write our `Json` columns as SQLAlchemy's own `sa.Text()`.

    Our type may change later, and a migration must not change.
    """
    return "sa.Text()" if kind == "type" and isinstance(item, Json) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=True,
    transactional_ddl=True,
    render_item=render_json_as_text,
)
context.run_migrations()
