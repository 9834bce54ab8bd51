from __future__ import annotations

import pytest
import yaml

from safelight import yaml_loader


@pytest.mark.parametrize("text", ["a: [1, 2.5, null, yes, 'x']\nb: {c: 自由}\n", "", "- 2026-01-01\n"])
def test_plain_values_as_the_safe_loader_reads_them(text: str) -> None:
    assert yaml_loader.load(text) == yaml_loader.load(text.encode()) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["!!python/object/apply:os.getcwd []", "a: [", "a: b: c"])
def test_no_objects_and_nothing_malformed(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        yaml_loader.load(text)
