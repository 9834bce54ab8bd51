"""The system card as Markdown, and what changed since an earlier card, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from safelight.core import canonical_json
from safelight.core.errors import InvalidField
from safelight.policy.diff import PolicyDiff, diff
from safelight.policy.documents import loads
from safelight.policy.findings import Taxonomy
from safelight_lab.evaluation.bias.bias_report import format_shares
from safelight_lab.evaluation.suite.page import Section, format_markdown

_EDITIONS = {"public": "public", "staff": "staff and auditors"}
_LABELS = {"unsafe": "harmful", "safe": "harmless", "distress": "in distress"}
LAW = (
    "This card supports a provider's own file on its safeguards (EU AI Act, Regulation (EU) 2024/1689, "
    "Article 5(1)(ba) and (bb), added by Regulation (EU) 2026/1744, applicable from 2 December 2026: no "
    "system without reasonable and adequate safeguards where intimate imagery without consent, or of "
    "children, is a foreseeable outcome). It does not show that these are met. It is not legal advice."
)


def markdown(card: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    return format_markdown(sections(card))


def sections(card: Mapping[str, Any]) -> Iterator[Section]:
    """The parts of the card in their order."""
    made = [f"Safelight {card['safelight']}"]
    made += [f"commit {card['commit']}"] if card["commit"] else []
    made += [f"made {card['made_at']}"] if card["made_at"] else []
    yield Section(
        title="System card",
        text=f"{', '.join(made)}. Edition: {_EDITIONS[card['edition']]}. "
        f"Everything below is read from the installation and this release. {LAW}",
    )
    yield _policy(card["policy"])
    yield _rules(card["policy"]["document"])
    yield from _coverage(card["coverage"])
    yield _rollout(card["rollout"])
    yield _waivers(card["waivers"])
    yield _models(card)
    yield _evaluation(card["evaluation"])
    yield _bias(card["bias"])
    yield _prevalence(card["prevalence"])
    yield _red_team(card["red_team"])
    yield _incidents(card["incidents"])
    yield _limits(card)
    yield Section(
        title="Inputs",
        text="What this card was made from.",
        head=["input", "sha256"],
        rows=[[name, f"`{sha256}`"] for name, sha256 in card["inputs"].items()],
    )


def _policy(policy: Mapping[str, Any]) -> Section:
    basis, published = policy["basis"], policy["published"]
    text = f"`{policy['name']}` {policy['version']}, sha256 `{policy['sha256']}`. "
    if published is None:
        text += "It is the document of the settings and was not published. "
    else:
        by = f" by {published['by']}" if "by" in published else ""
        state = "in force" if published["in_force"] else "not in force now"
        text += f"Publication {published['version']}, {published['at']}{by}, {state}. "
    rows = [*_changes(policy["differences"])]
    if rows:
        text += f"It differs from the shipped `{basis['name']}` in this:"
    else:
        text += f"It makes the same decisions as the shipped `{basis['name']}`."
    return Section(
        title="Policy in force" if published is None or published["in_force"] else "Policy",
        text=text,
        head=["part", "change", "field", basis["name"], "here"] if rows else (),
        rows=rows,
    )


def _changes(differences: Mapping[str, Any]) -> Iterator[list[str]]:
    parts = {"rules": "rule", "requirements": "requirement", "steer": "steering"}
    for key, noun in parts.items():
        for one in differences.get(key, ()):
            start = [f"{noun} `{one['id']}`", one["kind"]]
            yield from (
                [*start, field["field"], _value(field["old"]), _value(field["new"])]
                for field in one["fields"]
            )
            if not one["fields"]:
                yield [*start, "", "", ""]
    if templates := differences.get("templates"):
        yield ["templates", "changed", "", templates["old"], templates["new"]]
    if differences["reordered"]:
        yield ["rules", "in another order", "", "", ""]


def _value(value: Any) -> str:
    return "nothing" if value is None else f"`{canonical_json.encode(value).decode()}`"


def _rules(document: Mapping[str, Any]) -> Section:
    from safelight.web.console.case_rules import without_placeholders
    from safelight.web.translations import load_languages

    english = load_languages()["en"]
    rows = [
        [
            f"`{rule['id']}`",
            rule["action"],
            ", ".join(f"{score:g}" for score in _thresholds(rule)) or "none",
            without_placeholders(str(rule.get("reason", "")).replace("{category}", "a category"), english),
        ]
        for rule in document["rules"]
    ]
    rows += [
        [
            f"`{one['id']}`",
            f"{one['on_gap']} on a gap",
            "none",
            f"Required: {', '.join(one['category'])} in {', '.join(one['modality'])} "
            f"({', '.join(one['stage'])})",
        ]
        for one in document["requires"]
    ]
    return Section(
        title="Rules and thresholds",
        text="A threshold is the score of a finding from which a condition holds; a rule with several "
        "conditions has several.",
        head=["rule", "action", "thresholds", "about"],
        rows=rows,
    )


def _thresholds(entry: Any) -> Iterator[float]:
    """Every `at_least` of a score in a rule, in the order of the document."""
    if isinstance(entry, Mapping):
        for key, value in entry.items():
            if key == "score" and isinstance(value, Mapping):
                yield from (value[name] for name in ("at_least",) if name in value)
            else:
                yield from _thresholds(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from _thresholds(value)


def _coverage(coverage: Mapping[str, Any]) -> Iterator[Section]:
    ran = [cell for cell in coverage["cells"] if cell["status"] == "checked"]
    prompts = coverage["prompts_with_all_models"]
    yield Section(
        title="What is checked",
        text=f"{coverage['checks_run']} of {coverage['checks']} checks run. {coverage['text']} "
        f"With all models of the release, {_rate(prompts['found'])} harmful prompts of a public set are "
        f"found under the right category, and {_rate(prompts['harmless_stopped'])} harmless prompts are held "
        f"or blocked ({prompts['page']}). In brackets: the 95 % interval.",
        head=["category", "where", "required", "detectors", "found", "measured"],
        rows=[
            [
                cell["category"],
                cell["modality"],
                "yes" if cell["required"] else "no",
                ", ".join(cell["detectors"]),
                _rate(cell["share"]) if cell["share"] else "no figure of its own",
                cell["measured"] or "not measured",
            ]
            for cell in ran
        ],
    )
    rest = [cell for cell in coverage["cells"] if cell["status"] != "checked"]
    yield Section(
        title="What is not checked",
        text=f"Required, and checked by nothing: {len(rest)}. Not checked does not mean safe: the policy "
        "acts on the gap unless a waiver excuses it.",
        head=["category", "where", "why", "waived"] if rest else (),
        rows=[
            [cell["category"], cell["modality"], cell["why"], "yes" if cell["waived"] else "no"]
            for cell in rest
        ],
    )


def _rollout(found: Mapping[str, Any] | None) -> Section:
    if found is None:
        text = "The rollout has no steps: `gates.enabled` is off, so every account may create videos."
    else:
        text = (
            f"Step: {found['step']}{', since ' + found['since'][:10] if found['since'] else ''}. Raised "
            f"{found['raised']} times and lowered {found['lowered']} times; {found['incidents']} incidents: "
            "delivered videos that a reviewer withdrew for a grave category."
        )
    return Section(title="Rollout", text=text)


def _waivers(waivers: Mapping[str, Any]) -> Section:
    count = waivers["in_force"]
    text = "No waiver is in force."
    if count:
        noun = "waiver is" if count == 1 else "waivers are"
        text = f"{count} {noun} in force; {waivers['checks']} required checks that do not run are waived."
    listed = waivers.get("waivers", ())
    return Section(
        title="Waivers",
        text=text,
        head=["waiver", "decided by", "reason", "since", "until", "excuses"] if listed else (),
        rows=[
            [
                one["name"],
                one["decided_by"],
                one["reason"],
                one["since"],
                one["until"] or "no end",
                ", ".join(one["checks"]) or "nothing now",
            ]
            for one in listed
        ],
    )


def _models(card: Mapping[str, Any]) -> Section:
    detectors = ", ".join(f"{one['name']} {one['version']}" for one in card["detectors"])
    return Section(
        title="Models and detectors",
        text="The files on disk were compared with the pinned or recorded hashes. Weights inside other "
        f"packages have no row. Detectors: {detectors}.",
        head=["model", "what it does", "licence", "sha256", "as recorded"] if card["models"] else (),
        rows=[
            [
                one["name"],
                one["task"],
                one["licence"] or "none stated",
                f"wrong: {one['wrong']}" if one["wrong"] else _hashes(one),
                "yes" if one["recorded"] else "nothing to compare with",
            ]
            for one in card["models"]
        ],
    )


def _hashes(model: Mapping[str, Any]) -> str:
    files = model["files"] or {"all files": model["weights"]}
    return ", ".join(f"{name} `{sha256}`" for name, sha256 in files.items())


def _evaluation(found: Mapping[str, Any] | None) -> Section:
    if found is None:
        return Section(
            title="Evaluation",
            text="No report of `safelight eval all` was given to this card. The measured shares above are "
            "those of the release.",
        )
    of = found["policy"]
    whose = (
        "this policy" if found["of_this_policy"] else f"another policy, {of['name']} (`{of['sha256'][:16]}`)"
    )
    unfinished = (
        f" {found['unfinished']} texts were not checked by each detector." if found["unfinished"] else ""
    )
    worst = [
        f"Worst class of {_LABELS[one['prompts']]} prompts: {one['class']}, {_rate(one)} stopped."
        for one in found["worst"]
    ]
    return Section(
        title="Evaluation",
        text=f"`safelight eval all` of {found['date'][:10]} with {whose}, Safelight {found['safelight']}, "
        f"model `{found['model_hash'][:16]}`.{unfinished} "
        "Stopped means held or blocked; waivers are not applied. " + " ".join(worst),
        head=["set", "prompts", "stopped"],
        rows=[[one["set"], _LABELS[one["prompts"]], _rate(one)] for one in found["figures"]],
    )


def _bias(found: Mapping[str, Any]) -> Section:
    whose = "of the release" if found["of_release"] else "of this installation"
    policy = (
        "this policy" if found["of_this_policy"] else f"the policy {found['policy']['name']}, not this one"
    )
    unsigned = sum(not one["signed"] for one in found["failed"])
    counts = ", ".join(f"{count} {result}" for result, count in found["results"].items())
    return Section(
        title="Bias",
        text=f"`safelight eval bias` {whose} of {found['date'][:10]} with {policy}: {counts}, by group "
        f"and side. {unsigned} failed gaps are not signed. Failed: the shares that are stopped differ by "
        "more than 3 points. Differences in points, with 95 % intervals by frame.",
        head=["dimension", "group", "side", "reference", "group", "difference"] if found["failed"] else (),
        rows=[
            [
                one["dimension"],
                f"{one['group']} against {one['reference']}",
                one["side"] + (f", signed by {one['signed']['by']}" if one["signed"] else ""),
                *format_shares(one["stopped"]),
            ]
            for one in found["failed"]
        ],
    )


def _red_team(found: Mapping[str, Any]) -> Section:
    if not found["recorded"]:
        return Section(
            title="Red team",
            text="No run is recorded: this release has no results of `safelight redteam run`, and no "
            "report of one was given to this card.",
        )
    whose = "of the release" if found["of_release"] else "of this installation"
    target = (
        "this policy"
        if found["of_this_policy"]
        else f"the policy {found['policy']['name']}, not this one"
        if found["policy"]
        else "a server, by its moderations"
    )
    text = (
        f"`safelight redteam run` {whose} of {found['date'][:10]} with {target}, Safelight "
        f"{found['safelight']}, {found['queries']} queries. An attack is a disguised harmful text whose "
        "plain form is stopped. Each round has the disguises of other writers; no picture and no sound was "
        "attacked."
    )
    if found["unfinished"]:
        text += f" {found['unfinished']} texts were not checked by each detector."
    rows = [
        [one["name"], family, "passed", _rate(rate)]
        for one in found["rounds"]
        for family, rate in (
            ("all", one["bypassed"]),
            *((row["family"], row["bypassed"]) for row in one["families"]),
        )
    ]
    if (search := found["search"]) is not None:
        rows += [
            ["search", "any", f"bypassed within {one['queries']} queries", _rate(one)]
            for one in search["within"]
        ]
    if found["harmless"] is not None:
        rows.append(["harmless texts that look odd", "all", "stopped", _rate(found["harmless"]["stopped"])])
    return Section(title="Red team", text=text, head=["round", "family", "counted", "result"], rows=rows)


def _prevalence(draws: Sequence[Mapping[str, Any]]) -> Section:
    if not draws:
        return Section(
            title="Harm that was delivered",
            text="Not measured: no random sample of delivered videos was drawn (`safelight quality sample`).",
        )
    draw = draws[0]
    days = [_day(draw[name]) for name in ("since", "until")]
    return Section(
        title="Harm that was delivered",
        text=f"The last random sample: delivered from {days[0]} until before {days[1]}, answered by "
        f"reviewers. Under {draw['min_answers']} answers no share is given.",
        head=["part", "delivered", "drawn", "answered", "against the policy"],
        rows=[
            [
                one["stratum"].replace("_", " "),
                *(str(one[name]) for name in ("delivered", "drawn", "answered")),
                _rate({"k": one["found"], "n": one["answered"], "interval": one["interval"]})
                if one["enough"]
                else "too few answers",
            ]
            for one in draw["strata"]
        ],
    )


def _day(at: float) -> str:
    from safelight.core.dates import format_day

    return format_day(at)


def _incidents(found: Mapping[str, Any]) -> Section:
    missed = found["missed_harm_found_by_people"]
    parts = ", ".join(f"{name} {count}" for name, count in missed.items())
    counts = ", ".join(f"{one['n']} {one['severity']} and {one['state']}" for one in found["counts"])
    since = f" ({found['since'][:10]})" if found["since"] else ""
    record = (
        f"Recorded in the last {found['counted_days']} days: {counts}."
        if found["recorded"]
        else f"None was recorded since the first start{since}."
    )
    others = "no others" if found["recorded"] else "none"
    listed = found.get("all", found["published"])
    in_full = [
        "opened",
        "began",
        "ended",
        "severity",
        "state",
        "kind",
        "category",
        "published",
        "what was done",
    ]
    head = [*in_full, "public sentence"] if "all" in found else [*in_full[:5], "public sentence"]
    return Section(
        title="Incidents",
        text=f"{record} This does not mean that there were {others}: an incident is here if a person "
        "recorded it, or, while rollout steps are enabled, if a reviewer withdrew a delivered video for a "
        f"grave category. What is known of videos: delivered {found['delivered']}, withdrawn after delivery "
        f"{found['withdrawn_after_delivery']}, allowed and then found against the policy by people "
        f"{sum(missed.values())} ({parts}).",
        head=head if listed else (),
        rows=[[*_incident(one)[: len(head) - 1], one["sentence"] or "none"] for one in listed],
    )


def _incident(one: Mapping[str, Any]) -> list[str]:
    return [
        one["opened"][:10],
        one["began"][:10] if one["began"] else "not stated",
        one["ended"][:10] if one["ended"] else "no end",
        one["severity"],
        one["state"],
        one.get("kind", ""),
        one.get("category") or "none",
        "yes" if one.get("published") else "no",
        " ".join(one.get("done", "").split()) or "nothing yet",
    ]


def _limits(card: Mapping[str, Any]) -> Section:
    ran = [cell for cell in card["coverage"]["cells"] if cell["status"] == "checked"]
    measured = sorted((cell for cell in ran if cell["share"]), key=lambda cell: cell["share"]["interval"][0])
    unmeasured: dict[str, list[str]] = {}
    for cell in ran:
        if not cell["measured"]:
            unmeasured.setdefault(cell["modality"], []).append(cell["category"])
    rows = [
        *(["least found", f"{_name(cell)}: {_rate(cell['share'])}"] for cell in measured[:5]),
        *(["runs unmeasured", f"{where}: {', '.join(names)}"] for where, names in unmeasured.items()),
        *(
            ["detector missing", f"{one['detector']}: {one['message']}"]
            for one in card["coverage"]["missing"]
        ),
    ]
    return Section(
        title="Known limits",
        text="Derived from the coverage table, beside the required checks that nothing makes.",
        head=["limit", "where"],
        rows=[list(row) for row in rows],
    )


def _name(cell: Mapping[str, Any]) -> str:
    return f"{cell['category']} in {cell['modality']}"


def _rate(one: Mapping[str, Any]) -> str:
    low, high = one["interval"]
    share = f"{100 * one['k'] / one['n']:.1f} %" if one["n"] else "none"
    return f"{one['k']} of {one['n']}: {share} ({100 * low:.1f} to {100 * high:.1f})"


def changes(old: Mapping[str, Any], new: Mapping[str, Any], taxonomy: Taxonomy) -> list[str]:
    """What changed since an earlier card, one sentence each. Raises `InvalidField`, and `PolicyError`."""
    if old["edition"] != new["edition"]:
        raise InvalidField(
            f"The earlier card is of the edition {old['edition']}, this one is {new['edition']}.",
            param="against",
            remedy=f"Give --edition {old['edition']}.",
        )
    try:
        before, after = _facts(old), _facts(new)
        compared = _compare_policies(old["policy"], new["policy"], taxonomy)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidField(f"The earlier card has no part {error}.", param="against") from error
    lines = [] if compared.empty else ["The policy changed:", *(f"  {line}" for line in compared.lines())]
    for name in dict.fromkeys((*before, *after)):
        if name not in before:
            lines.append(f"New: {name}: {after[name]}.")
        elif name not in after:
            lines.append(f"Gone: {name} (it was: {before[name]}).")
        elif before[name] != after[name]:
            lines.append(f"Changed: {name}: {after[name]} (it was: {before[name]}).")
    return lines


def _compare_policies(old: Mapping[str, Any], new: Mapping[str, Any], taxonomy: Taxonomy) -> PolicyDiff:
    before, after = (loads(canonical_json.document_text(one["document"]), taxonomy) for one in (old, new))
    return diff(before, after)


def _facts(card: Mapping[str, Any]) -> dict[str, str]:
    """What a card states, by a name that is the same in every card. The rules are compared apart."""
    coverage, policy = card["coverage"], card["policy"]
    facts = {
        "Safelight": " ".join(filter(None, (card["safelight"], card["commit"]))),
        "policy": f"{policy['name']} {policy['version']} ({policy['sha256'][:16]})",
        "checks that run": f"{coverage['checks_run']} of {coverage['checks']}",
    }
    facts |= {f"detector {one['name']}": f"version {one['version']}" for one in card["detectors"]}
    facts |= {
        f"model {one['name']}": one["wrong"] or f"weights {one['weights'][:16]}" for one in card["models"]
    }
    for cell in coverage["cells"]:
        excused = ", waived" if cell["waived"] else ""
        figure = f", {_rate(cell['share'])}" if cell["share"] else ""
        facts[f"check of {_name(cell)}"] = f"{cell['status']}{excused}{figure}"
    facts |= {f"detector {one['detector']}": "missing" for one in coverage["missing"]}
    rollout = card.get("rollout")
    facts["rollout step"] = rollout["step"] if rollout else "no steps"
    facts["waivers in force"] = str(card["waivers"]["in_force"])
    for one in card["waivers"].get("waivers", ()):
        facts[f"waiver {one['name']}"] = f"decided by {one['decided_by']}, until {one['until'] or 'no end'}"
    for one in (card["evaluation"] or {}).get("figures", ()):
        facts[f"stopped {_LABELS[one['prompts']]} prompts of {one['set']}"] = _rate(one)
    bias = card.get("bias", {"failed": ()})
    facts["failed gaps of the bias audit"] = str(len(bias["failed"]))
    for one in card.get("red_team", {}).get("rounds", ()):
        facts[f"attacks that passed in round {one['name']}"] = _rate(one["bypassed"])
    facts["samples of delivered videos"] = str(len(card["prevalence"]))
    known = card["incidents"]
    for one in known.get("counts", ()):
        facts[f"incidents, {one['severity']}, {one['state']}"] = str(one["n"])
    facts["videos withdrawn after delivery"] = str(known["withdrawn_after_delivery"])
    facts["missed harm that people found"] = str(sum(known["missed_harm_found_by_people"].values()))
    return facts
