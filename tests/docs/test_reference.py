"""Settings, commands, errors and routes: what the pages list is what the code has."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

import generated
import pages
import pytest

from safelight.app.settings import Settings
from safelight.detectors.models.catalogue import MODELS, find_model
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED
from support.optional_tools import leave_out

REFERENCE = pages.DOCS / "reference.md"
NOBODY = "Nothing raises this yet"


@pytest.mark.parametrize(("page", "name"), generated.PARTS, ids=[name for _, name in generated.PARTS])
def test_generated_blocks_are_up_to_date(page: str, name: str) -> None:
    if page == "system-card.md" and not all(find_model(one, None) for one in MODELS):
        leave_out("a model of the default install", "safelight models pull all --shared")
    found = generated.part(page, name).search(pages.read(pages.DOCS / page))
    assert found is not None
    assert found["body"].strip() == generated.PARTS[page, name]().strip(), (
        f"docs/{page} is behind the code: python tests/docs/generated.py"
    )


def test_the_card_on_the_page_is_that_of_the_shipped_policy_with_its_thresholds() -> None:
    """Without the models, too: a changed threshold changes the hash."""
    starter = load("starter", SHIPPED)
    page = pages.read(pages.DOCS / "system-card.md")
    assert f"`starter` {starter.version}, sha256 `{starter.sha256}`" in page
    assert {
        row["rule"]
        for row in pages.table(pages.DOCS / "system-card.md", "rule", "action", "thresholds", "about")
    } >= {f"`{rule.id}`" for rule in starter.rules}


def test_the_example_settings_are_accepted() -> None:
    examples = [block for block in pages.blocks(REFERENCE) if block.language == "toml"]
    assert examples
    for block in examples:
        Settings(**tomllib.loads(block.body))


def test_every_option_of_an_upstream_is_listed() -> None:
    from safelight.providers.videos_api.options import Options

    rows = pages.table(REFERENCE, "option", "default", "what it does")
    listed = {code for row in rows for code in pages.codes(row["option"])}
    assert listed == set(Options.__struct_fields__) - {"name"}


def test_every_own_option_of_a_provider_is_listed() -> None:
    from safelight.providers import fal, runway, streamed, veo
    from safelight.providers.upstream.options import RemoteOptions

    rows = pages.table(REFERENCE, "kind", "own option", "default", "what it sets")
    shared = {*RemoteOptions.__struct_fields__, "extra_fields", "text_fields"}
    kinds = {"fal": fal, "runway": runway, "veo": veo, "vllm_omni_stream": streamed}
    for name, module in kinds.items():
        own = [row for row in rows if row["kind"] == f"`{name}`"]
        listed = {code for row in own for code in pages.codes(row["own option"])}
        assert listed == set(module.Options.__struct_fields__) - shared, name


def test_every_shipped_detector_is_listed() -> None:
    project = tomllib.loads(pages.read(pages.ROOT / "pyproject.toml"))["project"]
    rows = pages.table(REFERENCE, "detector", "input", "options")
    listed = {code for row in rows for code in pages.codes(row["detector"])}
    assert listed == set(project["entry-points"]["safelight.detectors"])


def test_every_error_says_what_it_means_and_what_to_do() -> None:
    tree, elsewhere = generated.error_classes()
    for error in tree:
        place = generated.answered(error)
        assert not place.isdigit() or place == str(error.status), f"{error.__name__}: the tree and its status"
        assert all(generated.error_texts(error)), f"{error.__name__} has no meaning, or no remedy"
    for error in elsewhere:
        assert generated.answered(error), error.__name__
        assert generated.error_texts(error)[0], error.__name__


def test_errors_that_are_never_raised_are_marked() -> None:
    raised: set[str] = set()
    for module in pages.code():
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                raised.add(node.func.id if isinstance(node.func, ast.Name) else node.func.attr)
    for error in generated.error_classes()[0]:
        if NOBODY in generated.error_texts(error)[0]:
            assert error.__name__ not in raised, f"{error.__name__} is raised now: correct its docstring"


def test_generated_blocks_can_be_written_without_pytest(tmp_path: Path) -> None:
    """The script stands alone: it needs nothing that only pytest gives it."""
    import subprocess

    script = Path(generated.__file__)
    code = f"import runpy; runpy.run_path({str(script)!r})['settings']()"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=script.parent)
