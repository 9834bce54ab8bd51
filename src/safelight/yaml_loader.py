"""Reads YAML as plain values. For line numbers in messages, see `policy/yaml_reader.py`."""

from __future__ import annotations

from typing import Any

import yaml

#: The safe loader; the one of libyaml, where PyYAML was built with it, is ten times as fast.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(text: str | bytes) -> Any:
    """The value of one YAML document. Raises `yaml.YAMLError`."""
    return yaml.load(text, Loader=Loader)  # noqa: S506 - both are safe loaders
