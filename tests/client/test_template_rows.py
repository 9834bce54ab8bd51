"""Rows that name a template: their columns, and the plan made with a renderer. Nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import safelight_client as sc
from safelight_client.batch import BatchPlan, PlanOptions, RenderedTemplate, plan_batch, read_rows
from safelight_client.batch.template_rows import WrongTemplateColumns, read_columns, template_of
from support.rows import each_row

GATEWAY: dict[str, Any] = {"wan": {"safelight": {"seconds": [4], "usd_per_second": 0.1, "fields": []}}}
CSV = "id,template,template_version,slot.TIME,seconds,model\na,lake,,dawn,4,wan\nb,lake,2,noon,4,wan\n"


def render(template: Mapping[str, Any]) -> RenderedTemplate:
    if template["values"].get("TIME") == "never":
        raise sc.BatchError("[TIME] has no such value.", "Correct the row.")
    return RenderedTemplate(
        prompt=f"a {template['name']} at {template['values']['TIME']}",
        version=int(template.get("version") or 3),
        approved=template["name"] != "draft",
    )


def plan(path: Path, text: str, *, models: Mapping[str, Any] = GATEWAY, **options: Any) -> BatchPlan:
    path.write_text(text)
    return plan_batch(read_rows(path), PlanOptions(**options), models=models, render=render)


def test_columns_of_a_template_are_sent_as_the_template_of_the_request(tmp_path: Path) -> None:
    first, second = plan(tmp_path / "a.csv", CSV).rows
    assert (first.skipped, second.skipped) == ("", "")
    assert first.fields["prompt"] == "a lake at dawn"
    assert first.fields["safelight"]["template"] == {"name": "lake", "version": 3, "values": {"TIME": "dawn"}}
    assert second.fields["safelight"]["template"]["version"] == 2
    assert "slot.TIME" not in first.fields


def test_a_gateway_gets_the_name_of_the_batch_in_the_metadata(tmp_path: Path) -> None:
    own = {"batch": "mine"}
    full = {str(number): "x" for number in range(16)}
    rows: list[dict[str, Any]] = [{}, {"metadata": {"scene": "1"}}, {"metadata": own}, {"metadata": full}]
    text = "".join(json.dumps({"prompt": f"take {n}", **row}) + "\n" for n, row in enumerate(rows))
    path = tmp_path / "shots.take\udcff.jsonl"
    sent = [each.fields.get("metadata") for each in plan(path, text, model="wan").rows]
    assert sent == [{"batch": "shots.take?"}, {"batch": "shots.take?", "scene": "1"}, own, full]
    others = plan(path, text, models={}, model="wan", prices={"wan": 0.1})
    assert [each.fields.get("metadata") for each in others.rows] == [None, {"scene": "1"}, own, full]


def test_another_server_gets_the_prompt_alone(tmp_path: Path) -> None:
    first, _ = plan(tmp_path / "a.csv", CSV, models={}, prices={"wan": 0.1}).rows
    assert (first.fields["prompt"], "safelight" in first.fields) == ("a lake at dawn", False)


def test_rendered_prompts_are_compared_for_duplicates(tmp_path: Path) -> None:
    row = {"template": "lake", "slot.TIME": "dawn", "model": "wan", "seconds": 4}
    lines = [row, {**row, "slot.TIME": "noon"}, row]
    found = plan(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines))).rows
    assert [each.duplicate_of for each in found] == [None, None, 1]


@each_row
def test_a_wrong_template_is_named_in_the_plan(tmp_path: Path, row: dict[str, Any], problem: str) -> None:
    (found,) = plan(tmp_path / "a.jsonl", json.dumps({"model": "wan", "seconds": 4, **row})).rows
    assert problem in found.skipped


def test_without_a_gateway_and_without_templates_the_row_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    found = plan_batch(read_rows(tmp_path / "a.csv"), PlanOptions(prices={"": 0.1}))
    assert all("only a Safelight gateway" in row.skipped for row in found.rows)


@pytest.mark.parametrize("by_gateway", [True, False])
def test_where_templates_are_demanded_other_prompts_and_drafts_are_not_sent(
    tmp_path: Path, by_gateway: bool
) -> None:
    offer = {**GATEWAY["wan"]["safelight"], "template_required": by_gateway}
    rows = [
        {"template": "lake", "slot.TIME": "dawn"},
        {"template": "draft", "template_version": 1, "slot.TIME": "dawn"},
        {"prompt": "A lake of my own"},
    ]
    text = "\n".join(json.dumps({"model": "wan", "seconds": 4, **row}) for row in rows)
    made = plan(
        tmp_path / "a.jsonl", text, models={"wan": {"safelight": offer}}, template_required=not by_gateway
    )
    assert ["demands a template" in row.skipped for row in made.rows] == [False, True, True]


@given(
    fields=st.dictionaries(
        st.sampled_from(
            ["prompt", "seconds", "template", "template_version", "slot.A", "slot.B", "safelight"]
        ),
        st.one_of(st.text(), st.integers(), st.dictionaries(st.text(), st.text())),
    )
)
def test_columns_are_read_once_or_refused(fields: dict[str, Any]) -> None:
    try:
        read = read_columns(fields)
    except WrongTemplateColumns:
        return
    assert not any(name == "template" or name.startswith("slot.") for name in read)
    assert read_columns(read) == read
    if "template" in fields:
        assert template_of(read) is not None
    else:
        assert read == fields
