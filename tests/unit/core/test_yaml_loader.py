from __future__ import annotations

import pytest
import yaml

from safelight.core import yaml_loader


@pytest.mark.parametrize("text", ["a: [1, 2.5, null, yes, 'x']\nb: {c: 自由}\n", "", "- 2026-01-01\n"])
def test_plain_values_are_read_like_the_safe_loader(text: str) -> None:
    assert yaml_loader.load(text) == yaml_loader.load(text.encode()) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["!!python/object/apply:os.getcwd []", "a: [", "a: b: c"])
def test_objects_and_malformed_documents_are_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        yaml_loader.load(text)
