"""Manifests: which sets a suite runs over, what each may be used for, and the checks before a run."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from safelight.core.errors import InvalidField, NotFound
from safelight_lab.evaluation.datasets import read_case, read_object
from safelight_lab.evaluation.protocol import Attack, EvalCase

#: `fit`: detectors learned from it, so that it is only compared with. `choose`: read or counted while rules
#: and thresholds were chosen. `report`: neither.
FIT, CHOOSE, REPORT = PURPOSES = ("fit", "choose", "report")
#: A person in distress is neither harmful nor harmless: a stop is wrong, and help lines are right.
LABELS = ("safe", "unsafe", "distress")
MEDIA = ("text", "speech", "visible words", "picture", "video", "sound", "several")
_REQUIRED = ("name", "sha256", "licence", "purpose", "why")
_OPTIONAL = (
    *("path", "generator", "of", "label", "labels", "parts", "lang", "register", "group", "medium"),
    "leave_out_seen",
)
#: So many problems are named; more are counted.
_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One set of a manifest."""

    name: str
    sha256: str
    licence: str
    purpose: str
    #: Why the set is fit for its purpose.
    why: str
    #: The file, or None if the rows are made from those of the set `of`.
    path: Path | None = None
    #: The attack that rewrites the rows of `of`.
    generator: str = ""
    of: str = ""
    #: The label of rows without one.
    label: str = ""
    #: Labels of the set that mean another of `LABELS`.
    labels: Mapping[str, str] = field(default_factory=dict)
    #: Keys that together are the text of a row.
    parts: tuple[str, ...] = ()
    #: What a row counts as that does not say it.
    lang: str = "und"
    register: str = ""
    group: str = ""
    medium: str = "text"
    #: Rows whose text is also in a set with an earlier purpose are left out and counted, not refused.
    leave_out_seen: bool = False


@dataclass(frozen=True, kw_only=True)
class SuiteRow:
    """One row of a set."""

    case: EvalCase
    register: str
    medium: str
    #: Names the act and its harmless twins; empty without a twin.
    pair: str
    #: Whether the row has its own id, which no other set may have.
    own_id: bool

    @property
    def sha256(self) -> str:
        return sha256_of(self.case.text)


@dataclass(frozen=True, kw_only=True)
class SuiteSet:
    """A set whose rows passed all checks."""

    entry: Entry
    rows: tuple[SuiteRow, ...]
    #: Ids of the rows that are left out because a set with an earlier purpose has them.
    left_out: tuple[str, ...] = ()


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_manifest(path: Path) -> list[Entry]:
    """The entries of a manifest: YAML with a list, or JSON lines. Paths are relative to the manifest.

    Raises `NotFound`, or `InvalidField`, which names each wrong entry.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidField(f"{path} is not UTF-8 at byte {error.start + 1}.") from error
    rows: Any
    try:
        if path.suffix == ".jsonl":
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            rows = yaml.safe_load(text)
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        raise InvalidField(f"{path} cannot be read: {' '.join(str(error).split())}.") from error
    if not isinstance(rows, list) or not rows:
        raise InvalidField(f"{path} has no list of sets.")
    entries, problems = [], []
    for number, row in enumerate(rows, start=1):
        try:
            entries.append(_read_entry(row, path.parent))
        except ValueError as error:
            name = row.get("name") if isinstance(row, dict) else None
            problems.append(f"entry {number} ({name or 'without a name'}): {error}")
    _raise(path.name, problems)
    return entries


def _read_entry(row: Any, folder: Path) -> Entry:
    if not isinstance(row, dict):
        raise ValueError("not a mapping of keys to values")
    if missing := [key for key in _REQUIRED if not row.get(key)]:
        raise ValueError(f"missing: {', '.join(missing)}")
    if unknown := [str(key) for key in row if key not in (*_REQUIRED, *_OPTIONAL)]:
        raise ValueError(f"unknown keys: {', '.join(unknown)}")
    for key in row.keys() - {"labels", "parts", "leave_out_seen"}:
        if not isinstance(row[key], str):
            raise ValueError(f"`{key}` must be a string; put it in quotation marks")
    if row["purpose"] not in PURPOSES:
        raise ValueError(f"`purpose` is {row['purpose']!r}; write fit, choose or report")
    if ("path" in row) == ("generator" in row) or ("generator" in row) != ("of" in row):
        raise ValueError("give either `path`, or `generator` and `of`")
    labels = row.get("labels") or {}
    if not isinstance(labels, dict) or not {*labels.values()} <= {*LABELS}:
        raise ValueError(f"`labels` maps labels of the set to {', '.join(LABELS)}")
    if row.get("label", "safe") not in LABELS:
        raise ValueError(f"`label` is {row['label']!r}; write {', '.join(LABELS)}")
    if row.get("medium", "text") not in MEDIA:
        raise ValueError(f"`medium` is {row['medium']!r}; write one of: {', '.join(MEDIA)}")
    parts = row.get("parts") or []
    if not isinstance(parts, list) or not all(isinstance(one, str) for one in parts):
        raise ValueError("`parts` must be a list of keys")
    if not isinstance(row.get("leave_out_seen", False), bool):
        raise ValueError("`leave_out_seen` must be true or false")
    path = folder / row["path"] if "path" in row else None
    return Entry(**{**row, "path": path, "labels": labels, "parts": tuple(parts)})


def load_sets(entries: Sequence[Entry], attacks: Mapping[str, Attack]) -> list[SuiteSet]:
    """Reads and checks all sets, before anything is run.

    Raises `InvalidField`, which names every file and row that is wrong: a missing file, another checksum, an
    unknown label, a row in two purposes, a row of a fit set.
    """
    problems: list[str] = []
    sets: dict[str, SuiteSet] = {}
    for entry in entries:
        if entry.name in sets:
            problems.append(f"{entry.name}: this name is already used by another entry")
            continue
        sets[entry.name] = SuiteSet(entry=entry, rows=())
        try:
            data = _made(entry, sets, attacks) if entry.path is None else _read_file(entry)
        except ValueError as error:
            problems.append(f"{entry.name}: {error}")
            continue
        sets[entry.name] = replace(sets[entry.name], rows=_read_rows(entry, data, problems.append))
    found = _separate(list(sets.values()), problems.append)
    _raise("The manifests are refused, and nothing was run", problems)
    return found


def _read_file(entry: Entry) -> bytes:
    assert entry.path is not None
    try:
        data = entry.path.read_bytes()
    except OSError as error:
        raise ValueError(f"{entry.path} cannot be read: {error.strerror}") from error
    return _checked(entry, data)


def _made(entry: Entry, sets: Mapping[str, SuiteSet], attacks: Mapping[str, Attack]) -> bytes:
    """The lines that the generator makes, which have the labels of their originals."""
    if entry.generator not in attacks:
        raise ValueError(f"unknown generator {entry.generator!r}; known: {', '.join(attacks)}")
    if entry.of not in sets or entry.of == entry.name:
        raise ValueError(f"the set {entry.of!r} does not stand before this one")
    lines = []
    for row in sets[entry.of].rows:
        for number, text in enumerate(attacks[entry.generator].variants(row.case.text), start=1):
            made = {
                "id": f"{entry.name}:{row.case.id}:{number}",
                "text": text,
                "label": row.case.label,
                "lang": row.case.lang,
                "kind": row.case.kind,
                "group": row.case.group,
                "register": row.register,
                "pair": f"{row.pair}:{number}" if row.pair else "",
            }
            lines.append(json.dumps(made))
    return _checked(entry, "\n".join(lines).encode())


def _checked(entry: Entry, data: bytes) -> bytes:
    found = hashlib.sha256(data).hexdigest()
    if found != entry.sha256:
        raise ValueError(f"the sha256 is {found}, and the manifest says {entry.sha256}")
    return data


def _read_rows(entry: Entry, data: bytes, report: Callable[[str], None]) -> tuple[SuiteRow, ...]:
    rows: dict[str, SuiteRow] = {}
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = _read_row(entry, read_object(line), number)
            if row.case.id in rows:
                raise ValueError(f"the id {row.case.id!r} is already used in an earlier line")
            rows[row.case.id] = row
        except ValueError as error:
            report(f"{entry.name}, line {number}: {error}")
    if not data.strip():
        report(f"{entry.name}: no rows")
    return tuple(rows.values())


def _read_row(entry: Entry, row: dict[str, Any], number: int) -> SuiteRow:
    if entry.parts and not row.get("text"):
        row["text"] = "\n".join(str(row[part]) for part in entry.parts if row.get(part))
    label = row.pop("label", None) or entry.label
    # Without a label, the expected actions say it, and `read_case` reads them.
    if label and entry.labels.get(label, label) not in LABELS:
        raise ValueError(f"unknown label {label!r}; known: {', '.join([*LABELS, *entry.labels])}")
    case = read_case({"lang": entry.lang, "group": entry.group, **row}, entry.name, number)
    label = entry.labels.get(label, label) or case.label
    if not label and entry.purpose != FIT:
        raise ValueError("no label and no expected action")
    medium = row.get("medium") or entry.medium
    if medium not in MEDIA:
        raise ValueError(f"unknown medium {medium!r}; known: {', '.join(MEDIA)}")
    register, pair = (row.get(key) or "" for key in ("register", "pair"))
    if not isinstance(register, str) or not isinstance(pair, str):
        raise ValueError("`register` and `pair` must be strings")
    return SuiteRow(
        case=replace(case, label=label, source=entry.name),
        register=register or entry.register,
        medium=medium,
        pair=pair,
        own_id=bool(row.get("id")),
    )


def _same_text(text: str) -> str:
    """Equal for texts that differ only in letter case, width or white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _separate(sets: Sequence[SuiteSet], report: Callable[[str], None]) -> list[SuiteSet]:
    """Refuses ids and texts with two purposes. Returns the sets without the rows they leave out."""
    ids: dict[str, tuple[str, str]] = {}
    seen: dict[str, tuple[str, str]] = {}
    found = []
    # First the fit sets, so that it is the row of the other set that is named or left out.
    for one in sorted(sets, key=lambda one: PURPOSES.index(one.entry.purpose)):
        name, purpose = one.entry.name, one.entry.purpose
        kept, left_out = [], []
        for row in one.rows:
            text = _same_text(row.case.text)
            other, other_purpose = seen.setdefault(text, (f"{name} {row.case.id}", purpose))
            if other_purpose != purpose:
                if one.entry.leave_out_seen:
                    left_out.append(row.case.id)
                    continue
                where = "in the fit set, as" if other_purpose == FIT else f"also for {other_purpose}, as"
                report(f"{name}, row {row.case.id}: is {where} {other}")
            if row.own_id:
                other, other_purpose = ids.setdefault(row.case.id, (name, purpose))
                if other_purpose != purpose:
                    report(f"{name}, row {row.case.id}: {other} has this id, for {other_purpose}")
            kept.append(row)
        found.append(replace(one, rows=tuple(kept), left_out=tuple(left_out)))
    return found


def _raise(title: str, problems: Sequence[str]) -> None:
    if problems:
        more = [f"and {len(problems) - _NAMED} more"] if len(problems) > _NAMED else []
        raise InvalidField("\n".join([f"{title}:", *problems[:_NAMED], *more]), param="manifest")
