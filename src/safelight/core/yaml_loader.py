"""Reads YAML as plain values. For line numbers in messages, see `policy/yaml_reader.py`."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

#: The safe loader of libyaml, which is ten times as fast; if it is not installed, the one in Python.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(text: str | bytes) -> Any:
    """The value of the one document in `text`. Raises `yaml.YAMLError`."""
    return yaml.load(text, Loader=Loader)  # noqa: S506 - both are safe loaders


def load_shipped(package: str, name: str) -> Any:
    """The content of a file beside the modules of a package."""
    return load((files(package) / name).read_bytes())
