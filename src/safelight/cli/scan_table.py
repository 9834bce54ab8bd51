"""The results of `safelight scan` as a Parquet file, for archives (`safelight[parquet]`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from safelight.core.errors import ConfigurationError
from safelight.core.fileio import write_atomic

from .scan_output import ScanRow


def write_table(path: Path, rows: Sequence[ScanRow]) -> None:
    """Write a row per file: its plain values, its findings with category, score and reason, and `row`, the
    whole result as JSON. Raises `ConfigurationError` without pyarrow.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ConfigurationError(
            "pyarrow is not installed.", remedy="Install it: pip install 'safelight[parquet]'."
        ) from None
    plain = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    finding = pa.struct([("category", pa.string()), ("score", pa.float64()), ("reason", pa.string())])
    fields = msgspec.structs.fields(ScanRow)
    schema = pa.schema(
        [
            *((one.name, plain[one.type]) for one in fields if one.type in plain),
            ("findings", pa.list_(finding)),
            ("row", pa.string()),
        ]
    )
    table = pa.Table.from_pylist([_values(row) for row in rows], schema=schema)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    write_atomic(path, sink.getvalue().to_pybytes(), mode=0o666)


def _values(row: ScanRow) -> dict[str, Any]:
    """The values of a row; those that are no column are left out."""
    findings = [{"category": f.category, "score": f.score, "reason": f.reason} for f in row.findings]
    return {**msgspec.structs.asdict(row), "findings": findings, "row": msgspec.json.encode(row).decode()}
