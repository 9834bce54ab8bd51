"""The library of proven prompts, with real videos on both databases."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row

from safelight.errors import CheckLimitExceeded, Conflict, Forbidden, InvalidField, NotFound
from safelight.generation.protocol import Derivation
from safelight.jobs.models import Upload, Video
from safelight.jobs.states import VideoState
from safelight.store import tables
from safelight.store.transaction import Transaction
from safelight.testing.clips import tiny_clip
from safelight.testing.generators import create as instant
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.library import (
    EntryQuery,
    EntryStatus,
    ImportedEntry,
    ImportOutcome,
    Library,
    LibraryEntry,
    NewEntry,
    store,
)
from safelight.trust.library.store import is_proof
from support.house import withdraw

from .conftest import House
from .test_lineage import ABLE


def delivered(house: House, prompt: str = "a quiet lake at dawn") -> Video:
    video = house.carry(house.order(prompt))
    assert video.state is VideoState.DELIVERED
    return video


def add(house: House, video: Video, **fields: str) -> LibraryEntry:
    new = NewEntry(video_id=video.id, **{"category": "landscape", **fields})
    return house.container.prompts.library.add(house.who, new)


def find(house: House, words: str, **fields: object) -> list[str]:
    query = EntryQuery(words=words, **fields)  # type: ignore[arg-type]
    return [each.prompt for each in house.container.prompts.library.search(house.who, query).entries]


def mark(house: House, video: Video, **columns: object) -> None:
    """Change the row of a video, as if its life had been another."""
    with house.container.persistence.database.transaction(video.tenant) as tx:
        tx.update(tables.videos, tables.videos.c.id == video.id, **columns)


def test_the_prompt_of_a_delivered_video_is_added_and_found(house: House) -> None:
    video = delivered(house)
    entry = add(house, video, notes="still water works best")
    assert (entry.prompt, entry.status, entry.last_video_id) == (video.prompt, EntryStatus.PROVEN, video.id)
    assert (entry.model, entry.proofs, entry.blocks) == (video.model, 1, 0)
    assert find(house, "LAKE") == find(house, "water") == find(house, "landscape") == [video.prompt]
    assert find(house, "volcano") == find(house, "...") == []
    assert find(house, "lake", category="people") == []


def test_chinese_prompts_are_found_in_both_scripts(house: House) -> None:
    video = delivered(house, "早晨的湖面，霧氣緩緩上升")
    add(house, video)
    assert find(house, "霧氣") == find(house, "雾气") == find(house, "湖") == [video.prompt]
    assert find(house, "海浪") == []


def test_the_prompt_with_more_and_rarer_words_comes_first(house: House) -> None:
    for prompt in ("a quiet lake at dawn", "a quiet lake with a red boat", "a quiet forest"):
        add(house, delivered(house, prompt))
    assert find(house, "quiet lake boat")[0] == "a quiet lake with a red boat"
    assert find(house, "quiet lake boat", limit=1) == ["a quiet lake with a red boat"]


def test_only_delivered_and_allowed_videos_prove_a_prompt(house: House) -> None:
    waiting = house.order()
    labelled = delivered(house, "a quiet lake at noon")
    with house.container.persistence.database.transaction(labelled.tenant) as tx:
        tx.update(tables.verdicts, tables.verdicts.c.video_id == labelled.id, action="label")
    for video in (waiting, labelled):
        with pytest.raises(Conflict, match="verdict allow"):
            add(house, video)
    with pytest.raises(NotFound):
        house.container.prompts.library.add(house.who, NewEntry(video_id="video_none", category="a"))


def test_a_prompt_that_continues_another_video_is_no_proof(house: House) -> None:
    first, second = delivered(house), delivered(house, "now with rain")
    mark(house, second, remixed_from=first.id)
    with pytest.raises(Conflict, match="proves nothing alone"):
        add(house, second)


def test_a_prompt_is_in_the_library_once(house: House) -> None:
    add(house, delivered(house))
    with pytest.raises(Conflict, match="already"):
        add(house, delivered(house))


def test_an_entry_is_withdrawn_with_its_video(house: House) -> None:
    video = delivered(house)
    entry = add(house, video)
    other = add(house, delivered(house, "a quiet forest"), variation_of=entry.id)
    withdraw(house.container.pipeline.context, video, actor="ada", why="a court said so")
    library = house.container.prompts.library
    with pytest.raises(NotFound):
        library.get(house.who, entry.id)
    assert find(house, "lake") == []
    assert library.get(house.who, other.id).variation_of is None


@pytest.mark.parametrize("imported", [True, False])
def test_an_entry_is_removed_when_any_video_with_its_prompt_is_withdrawn(
    house: House, imported: bool
) -> None:
    library = house.container.prompts.library
    if imported:
        library.import_entries(
            house.who, [ImportedEntry(prompt="a quiet lake at dawn", category="landscape")]
        )
    else:
        add(house, delivered(house))
    later = delivered(house)
    assert library.export(house.who)[0].last_video_id == later.id
    withdraw(house.container.pipeline.context, later, actor="ada", why="a court said so")
    assert library.export(house.who) == ()


def test_a_withdrawal_while_an_entry_is_added_leaves_no_entry(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = delivered(house)
    context = house.container.pipeline.context
    started = threading.Event()

    def take_back() -> None:
        started.set()
        withdraw(context, video, actor="ada", why="a court said so")

    thread = threading.Thread(target=take_back)

    def judge(tx: Transaction, row: Row[Any]) -> bool:
        thread.start()
        started.wait()
        # Without the lock on the video, the withdrawal ends here, before the entry exists.
        thread.join(1)
        return is_proof(tx, row)

    monkeypatch.setattr(store, "is_proof", judge)
    with suppress(Conflict):
        add(house, video)
    thread.join()
    assert house.container.prompts.library.export(house.who) == ()


def test_a_video_with_a_source_or_a_reference_is_no_use_and_no_proof(house: House, tmp_path: Path) -> None:
    library = house.container.prompts.library
    library.import_entries(house.who, [ImportedEntry(prompt="now with rain", category="landscape")])
    house.container.core.generators["able"] = instant(ABLE)  # type: ignore[index]
    first = house.carry(house.order("a quiet lake", model="able-1"))
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(tiny_clip())
    upload = Upload(field="video", path=clip, filename="a.mp4", media_type="video/mp4")
    reference = replace(upload, field="input_reference")
    remix, edit, pictured = (
        house.carry(house.order("now with rain", **fields))
        for fields in (
            {"step": Derivation.REMIX, "source": first.id},
            {"step": Derivation.EDIT, "uploads": (upload,)},
            {"uploads": (reference,)},
        )
    )
    assert {remix.state, edit.state, pictured.state} == {VideoState.DELIVERED}
    (entry,) = library.export(house.who)
    assert (entry.status, entry.proofs) == (EntryStatus.UNPROVEN, 0)
    for video in (remix, edit, pictured):
        with pytest.raises(Conflict, match="proves nothing alone"):
            add(house, video)


def test_two_blocked_uses_mark_an_entry_and_a_delivery_proves_it_again(house: House) -> None:
    entry = add(house, delivered(house))
    library = house.container.prompts.library
    for expected in (EntryStatus.PROVEN, EntryStatus.FAILED_USES):
        used = house.order(entry.prompt)
        mark(house, used, state="blocked", error_code="moderation_blocked")
        assert library.get(house.who, entry.id).status is expected
    assert find(house, "", needs_validation=True) == [entry.prompt]
    delivered(house, entry.prompt)
    again = library.get(house.who, entry.id)
    assert (again.status, again.proofs, again.blocks) == (EntryStatus.PROVEN, 2, 2)


def test_a_failure_that_is_no_refusal_marks_nothing(house: House) -> None:
    entry = add(house, delivered(house))
    for _ in range(2):
        mark(house, house.order(entry.prompt), state="failed", error_code="timeout")
    assert house.container.prompts.library.get(house.who, entry.id).status is EntryStatus.PROVEN


def test_a_new_model_version_marks_an_entry(house: House) -> None:
    video = delivered(house)
    entry = add(house, video)
    mark(house, video, model="instant-0")
    assert house.container.prompts.library.get(house.who, entry.id).status is EntryStatus.NEW_MODEL


def test_imports_are_checked_like_new_prompts_and_stay_unproven(house: House) -> None:
    library = house.container.prompts.library
    add(house, delivered(house))
    results = library.import_entries(
        house.who,
        [
            ImportedEntry(prompt="a birch forest in the snow", category="landscape"),
            ImportedEntry(prompt="a quiet lake at dawn", category="landscape"),
            ImportedEntry(prompt="SAFELIGHT-TEST:violence/graphic", category="landscape"),
            ImportedEntry(prompt="a hill", category=""),
            ImportedEntry(prompt="", category="landscape"),
        ],
    )
    assert [one.outcome for one in results] == [
        ImportOutcome.ADDED,
        ImportOutcome.KNOWN,
        ImportOutcome.REFUSED,
        ImportOutcome.INVALID,
        ImportOutcome.INVALID,
    ]
    pages = [library.search(house.who, EntryQuery(words="a", limit=1))]
    while pages[-1].has_more:
        query = EntryQuery(words="a", limit=1, after=pages[-1].entries[-1].id)
        pages.append(library.search(house.who, query))
    whole = library.search(house.who, EntryQuery(words="a")).entries
    assert tuple(page.entries[0] for page in pages) == whole
    with pytest.raises(NotFound):
        library.search(house.who, EntryQuery(after="entry_none"))
    (found,) = library.search(house.who, EntryQuery(words="birch")).entries
    assert found.status is EntryStatus.UNPROVEN
    delivered(house, "a birch forest in the snow")
    assert library.get(house.who, found.id).status is EntryStatus.PROVEN
    with pytest.raises(InvalidField):
        library.import_entries(house.who, [])


def test_an_import_stops_at_the_check_limit_and_says_what_was_left(house: House) -> None:
    def check(_principal: Principal, prompt: str) -> str:
        if prompt == "b":
            raise CheckLimitExceeded("The check limit is reached.")
        return "allow"

    library = Library(house.container.persistence.database, check=check, offered_models=set)
    entries = [ImportedEntry(prompt=prompt, category="x") for prompt in "abc"]
    outcomes = [one.outcome for one in library.import_entries(house.who, entries)]
    assert outcomes == [ImportOutcome.ADDED, ImportOutcome.NOT_CHECKED, ImportOutcome.NOT_CHECKED]


def test_a_long_prompt_is_found_by_its_beginning(house: House) -> None:
    library = house.container.prompts.library
    prompt = f"a quiet lake {'x ' * 1_000}volcano"
    (result,) = library.import_entries(house.who, [ImportedEntry(prompt=prompt, category="x")])
    assert result.outcome is ImportOutcome.ADDED
    assert find(house, "lake") == [prompt]
    assert find(house, "volcano") == []


def test_a_key_that_may_not_read_gets_the_entry_that_it_added(house: House) -> None:
    library, video = house.container.prompts.library, delivered(house)
    writer = replace(house.who, scopes=frozenset({KeyScope.VIDEOS_WRITE}))
    added = library.add(writer, NewEntry(video_id=video.id, category="landscape"))
    assert added == library.get(house.who, added.id)


@pytest.mark.both_databases
def test_another_tenant_sees_nothing_and_scopes_are_needed(house: House) -> None:
    entry = add(house, delivered(house))
    library = house.container.prompts.library
    stranger = replace(house.who, tenant=house.container.persistence.accounts.create_tenant("b").id)
    assert library.search(stranger, EntryQuery(words="lake")).entries == library.export(stranger) == ()
    with pytest.raises(NotFound):
        library.remove(stranger, entry.id)
    reader = replace(house.who, scopes=frozenset({KeyScope.VIDEOS_READ}))
    with pytest.raises(Forbidden):
        library.remove(reader, entry.id)
    library.remove(house.who, entry.id)
    assert library.export(house.who) == ()
