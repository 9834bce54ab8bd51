from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from safelight.core.errors import PolicyError
from safelight.policy.diff import diff
from safelight.policy.documents import Policy, load, loads
from safelight.policy.findings import SHIPPED, CategorySpec, Group
from safelight.policy.rules import Rule
from safelight.policy.verdicts import Action
from safelight.policy.yaml_reader import MAX_BYTES, PolicyProblem
from support.rows import each_row
from support.verdicts import STARTER

Written = Callable[..., Policy]


def problems(error: pytest.ExceptionInfo[PolicyError]) -> list[PolicyProblem]:
    return [problem for problem in error.value.problems if isinstance(problem, PolicyProblem)]


def only_problem(written: Written, text: str, **beside: str) -> PolicyProblem:
    with pytest.raises(PolicyError) as error:
        written(text, **beside)
    (problem,) = problems(error)
    assert problem.message
    assert problem.remedy
    return problem


def rule_of(policy: Policy, identity: str) -> Rule:
    return next(rule for rule in policy.rules if rule.id == identity)


@pytest.mark.parametrize("name", ["starter", "strict", "creative"])
def test_a_stored_policy_decides_as_the_document_it_came_from(name: str) -> None:
    policy = load(name, SHIPPED)
    stored = loads(policy.canonical, SHIPPED)
    assert stored.sha256 == policy.sha256
    assert stored.canonical == policy.canonical
    assert [rule.id for rule in stored.rules] == [rule.id for rule in policy.rules]


def test_a_shipped_policy_is_read_once_per_taxonomy_and_a_file_each_time(written: Written) -> None:
    casino = CategorySpec(name="casino", group=Group.ILLICIT, summary="Gambling.")
    assert load("starter", SHIPPED) is load("starter", SHIPPED.extended([]))
    assert load("starter", SHIPPED) is not load("starter", SHIPPED.extended([casino]))
    assert written("policy: h\nextends: starter\n").name == "h"
    assert written("policy: g\nextends: starter\n").name == "g"


def test_comments_order_of_keys_and_spelling_do_not_change_the_hash(written: Written) -> None:
    one = written("policy: h\nextends: starter\nrules:\n  - id: sx-1\n    when: {score: 0.7}\n")
    two = written(
        "# why\nrules: [{when: {score: {at_least: 0.70}}, id: sx-1}]\nextends: starter\npolicy: h\n"
    )
    assert one.sha256 == two.sha256
    assert one.sha256 != written("thresholds: {sx-1: 0.71}\nextends: starter\npolicy: h\n").sha256


def test_a_document_changes_disables_and_adds_rules_by_their_id(written: Written) -> None:
    policy = written(
        "policy: h\nextends: starter\nattributes: {blood: number}\nrules:\n"
        "  - {id: lk-5, action: block}\n"
        "  - {id: de-1, disabled: true}\n"
        "  - {id: own, when: {category: violence, attributes: {blood: {at_least: 0.2}}}, action: hold}\n"
    )
    changes = {change.id: change for change in diff(STARTER, policy).rules}
    assert {name: change.kind for name, change in changes.items()} == {
        "lk-5": "changed",
        "de-1": "removed",
        "own": "added",
    }
    assert [(one.field, one.old, one.new) for one in changes["lk-5"].fields] == [("action", "label", "block")]
    assert loads(policy.canonical, SHIPPED).sha256 == policy.sha256


def test_a_threshold_changes_only_the_score_of_a_rule_and_null_removes_its_conditions(
    written: Written,
) -> None:
    rule = rule_of(written("policy: h\nextends: starter\nthresholds: {sx-1: 0.9}\n"), "sx-1")
    assert rule.when is not None
    assert rule.when.at_least == 0.9
    assert {modality.value for modality in rule.when.modalities} == {"text", "audio"}
    without = "  - {id: sx-1, when: {modality: null}, unless: null}\n"
    rule = rule_of(written(f"policy: h\nextends: starter\nrules:\n{without}"), "sx-1")
    assert rule.when is not None
    assert (rule.when.modalities or None, rule.exempt) == (None, None)


def test_a_requirement_can_be_added_and_made_to_block(written: Written) -> None:
    policy = written(
        "policy: h\nextends: starter\nrequires:\n"
        "  - {id: req-output, on_gap: block}\n"
        "  - {id: own, categories: [hate, privacy], modalities: text, stages: prompt}\n"
    )
    changes = {change.id: change for change in diff(STARTER, policy).requirements}
    assert changes["req-output"].fields[0].new == Action.BLOCK
    assert changes["own"].kind == "added"


@each_row
def test_dropping_the_mandatory_set_is_refused_with_a_waiver_as_the_remedy(
    written: Written, requires: str
) -> None:
    problem = only_problem(written, f"policy: h\nextends: starter\nrequires:\n  {requires}\n")
    assert "drops mandatory requirements" in problem.message
    assert "safelight waivers add" in problem.remedy
    assert problem.line == 4


def test_the_mandatory_set_may_be_required_by_other_entries(written: Written) -> None:
    policy = written(
        "policy: h\nextends: starter\nrequires:\n"
        "  - {id: req-output, disabled: true}\n"
        "  - {id: own, categories: mandatory, modalities: [frames, audio], stages: output, on_gap: block}\n"
    )
    assert "own" in {requirement.id for requirement in policy.requirements}


def test_a_document_that_extends_nothing_includes_the_baseline(written: Written) -> None:
    rules = "\n".join(
        f"  - {{id: own-{index}, when: {{category: {name}, score: 0.5}}, action: hold}}"
        for index, name in enumerate(sorted(SHIPPED.mandatory))
    )
    policy = written(f"policy: bare\nrules:\n{rules}\n")
    assert {"sm-1", "sm-2", "kh-1", "card-1", "own-0"} <= {rule.id for rule in policy.rules}


def test_a_policy_that_acts_on_no_finding_of_a_mandatory_category_is_refused(written: Written) -> None:
    problem = only_problem(
        written,
        "policy: h\nextends: starter\nrules:\n  - {id: ex-1, disabled: true}\n"
        "  - {id: ex-3, disabled: true}\n  - {id: ex-4, disabled: true}\n  - {id: ex-5, disabled: true}\n"
        "  - {id: ex-2, audiences: {minors: {disabled: true}}}\n",
    )
    assert "extremism" in problem.message
    assert "minors" in problem.message


@each_row
def test_rules_of_the_baseline_cannot_be_changed(written: Written, identity: str) -> None:
    problem = only_problem(
        written, f"policy: h\nextends: starter\nrules:\n  - {{id: {identity}, disabled: true}}\n"
    )
    assert "cannot be changed" in problem.message


def test_a_stored_document_without_the_baseline_is_refused() -> None:
    with pytest.raises(PolicyError) as error:
        loads(STARTER.canonical.replace('"vault":true', '"vault":false'), SHIPPED)
    assert {problem.field for problem in problems(error)} == {"rules[sm-1]", "rules[sm-2]", "rules[kh-1]"}


def test_every_problem_is_reported_with_file_line_field_and_remedy(written: Written, tmp_path: Path) -> None:
    text = """\
policy: house
extends: starter
ruels: []
attributes: {blood: numbr, area: number}
thresholds: {sx-99: 0.5, sm-1: 0.5, sx-1: many}
rules:
  - {id: a, when: {category: violense, score: 2, modality: sound, stage: promt}, action: blok}
  - {id: b, when: {category: hate, attributes: {frame: 3, negated: 1, role: {above: x}}}, action: hold}
  - {id: c, action: hold}
  - {when: {category: hate}, action: hold}
  - {id: Bad Id, when: {category: hate}, action: hold}
  - {id: e, when: {category: hate}, action: hold, vault: true}
  - {id: f, when: {category: hate}, action: hold, reason: 'at {scor} or {score:>99}'}
  - {id: sx-98, disabled: true}
  - {id: g, when: {category: hate}, action: hold}
  - {id: g, when: {category: hate}, action: hold}
  - {id: h, all_of: [{category: hate}], action: hold, unless: [{consent: false}, {consent: true, context: x}]}
  - {id: i, when: {category: hate, category: sexual}, action: hold, audiences: {adults: {score: 0.1}}}
requires:
  - {id: r, category: [hat], modality: text}
  - {id: s, category: [hate], modality: text}
"""
    with pytest.raises(PolicyError) as error:
        written(text)
    found = problems(error)
    told = {(problem.line, problem.field) for problem in found}
    assert {
        (3, "ruels"),
        (4, "attributes.blood"),
        (4, "attributes.area"),
        (5, "thresholds.sx-99"),
        (5, "thresholds.sm-1"),
        (5, "thresholds.sx-1"),
        (7, "rules[a].when.category"),
        (7, "rules[a].when.score"),
        (7, "rules[a].when.modality"),
        (7, "rules[a].when.stage"),
        (7, "rules[a].action"),
        (8, "rules[b].when.attributes.frame"),
        (8, "rules[b].when.attributes.negated"),
        (8, "rules[b].when.attributes.role.above"),
        (9, "c.when"),
        (10, "rules[3]"),
        (11, "rules[4].id"),
        (12, "e.vault"),
        (13, "rules[f].reason"),
        (14, "sx-98"),
        (16, "g"),
        (17, "rules[h].unless[0]"),
        (17, "rules[h].unless[1]"),
        (18, "rules[i].when.category"),
        (18, "rules[i].audiences.adults"),
        (20, "requires[r].category"),
        (21, "s.requires"),
    } <= told
    assert all(problem.file == str(tmp_path / "house.yaml") for problem in found)
    assert all(
        problem.message.endswith(".") and problem.remedy.endswith((".", "?", "`")) for problem in found
    )
    remedies = {problem.field: problem.remedy for problem in found}
    assert remedies["rules[a].when.category"] == "Did you mean 'violence'?"
    assert remedies["rules[b].when.attributes.frame"] == "Did you mean 'frames'?"
    assert remedies["ruels"] == "Did you mean 'rules'?"


def test_categories_of_installed_packages_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "h.yaml"
    path.write_text(
        "policy: h\nextends: starter\nrules: [{id: own, when: {category: casino}, action: hold}]\n"
    )
    with pytest.raises(PolicyError):
        load(path, SHIPPED)
    load(path, SHIPPED.extended([CategorySpec(name="casino", group=Group.ILLICIT, summary="Gambling.")]))


def test_a_folder_is_one_document(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("policy: folder\nextends: strict\n")
    (tmp_path / "ip.yaml").write_text("rules:\n  - {id: ip-1, action: label}\n")
    (tmp_path / "notes.txt").write_text("not a policy")
    policy = load(tmp_path, SHIPPED)
    assert policy.name == "folder"
    assert rule_of(policy, "ip-1").action is Action.LABEL
    (tmp_path / "second.yaml").write_text("policy: other\n")
    with pytest.raises(PolicyError):
        load(tmp_path, SHIPPED)


def test_extends_finds_files_in_the_same_folder(written: Written) -> None:
    policy = written("policy: h\nextends: base.yaml\n", base="policy: base\nextends: creative\n")
    assert diff(load("creative", SHIPPED), policy).empty


def test_a_cycle_and_too_long_a_chain_of_documents_are_refused(written: Written) -> None:
    problem = only_problem(
        written, "policy: h\nextends: base.yaml\n", base="policy: base\nextends: house.yaml\n"
    )
    assert "extends itself" in problem.message
    assert only_problem(written, "policy: h\nextends: house.yaml\n").line == 2
    chain = {f"d{n}": f"policy: d{n}\nextends: d{n + 1}.yaml\n" for n in range(20)}
    assert "extend one another" in only_problem(written, "policy: h\nextends: d0.yaml\n", **chain).message


def test_an_unknown_name_gets_a_suggestion(written: Written) -> None:
    assert only_problem(written, "policy: h\nextends: startr\n").remedy == "Did you mean 'starter'?"
    with pytest.raises(PolicyError) as error:
        load("strickt", SHIPPED)
    assert problems(error)[0].remedy == "Did you mean 'strict'?"


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        pytest.param(LAUGHS, "aliases", id="billion laughs"),
        pytest.param("policy: h\nrules: " + "[" * 5000 + "]" * 5000, "nested", id="deep"),
        pytest.param("policy: h\nrules: [" + "x," * 30_000 + "]", "too many values", id="wide"),
        pytest.param("policy: h\n#" + "x" * MAX_BYTES, "kB", id="huge"),
        pytest.param("policy: !!python/object/apply:os.system [ls]", "Tags", id="tags"),
        pytest.param("policy: h\n---\npolicy: i\n", "one document", id="two documents"),
        pytest.param("- a\n- b\n", "mapping", id="list"),
        pytest.param("", "mapping", id="empty"),
        pytest.param("policy: [", "not valid YAML", id="broken"),
        pytest.param("policy: h\n\textends: starter\n", "not valid YAML", id="tab"),
        pytest.param("policy: 'a\x00b'\n", "not allow", id="nul"),
        pytest.param("rules: []\n", "no name", id="nameless"),
    ],
)
def test_hostile_and_broken_files_are_refused_with_a_plain_message(
    written: Written, text: str, word: str
) -> None:
    with pytest.raises(PolicyError) as error:
        written(text)
    assert any(word in problem.message for problem in problems(error)), problems(error)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "h.yaml"
    path.write_bytes(b"policy: \xff\xfe\n")
    with pytest.raises(PolicyError) as error:
        load(path, SHIPPED)
    assert "UTF-8" in problems(error)[0].message


def test_odd_and_unreadable_names_are_refused_with_a_plain_message(written: Written, tmp_path: Path) -> None:
    assert "does not exist" in only_problem(written, f"policy: h\nextends: {'x' * 390}\n").message
    (tmp_path / "empty").mkdir()
    assert "holds 0 policy files" in only_problem(written, "policy: h\nextends: ./empty\n").message


def test_a_basis_has_known_words_and_only_text_and_audio_have_a_depth(written: Written) -> None:
    guessed = "{id: own, when: {category: hate, basis: [matched, guessed]}, action: hold}"
    problem = only_problem(written, f"policy: h\nextends: starter\nrules:\n  - {guessed}\n")
    assert "guessed" in problem.message
    deep = "{id: own, category: hate, modality: [text, frames], stage: output, depth: learned}"
    problem = only_problem(written, f"policy: h\nextends: starter\nrequires:\n  - {deep}\n")
    assert "depth" in problem.message
