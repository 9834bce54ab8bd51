"""The library of proven prompts, with real videos on both databases."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import CheckLimitExceeded, Conflict, Forbidden, InvalidField, NotFound
from safelight.providers.protocol import Derivation
from safelight.store import tables
from safelight.store.database import Transaction
from safelight.testing.generators import create as instant
from safelight.videos.library import (
    EntryQuery,
    EntryStatus,
    ImportedEntry,
    ImportOutcome,
    Library,
    LibraryEntry,
    NewEntry,
    is_proof,
    service,
)
from safelight.videos.models import Video, VideoState
from support.house import withdraw

from .conftest import House
from .test_lineage import ABLE, clip


def delivered(house: House, prompt: str = "a quiet lake at dawn") -> Video:
    video = house.make(prompt)
    assert video.state is VideoState.DELIVERED
    return video


def add(house: House, video: Video, **fields: str) -> LibraryEntry:
    new = NewEntry(video_id=video.id, **{"category": "landscape", **fields})
    return house.container.library.add(house.who, new)


def find(house: House, words: str, **fields: object) -> list[str]:
    query = EntryQuery(words=words, **fields)  # type: ignore[arg-type]
    return [each.prompt for each in house.container.library.search(house.who, query).items]


def import_prompts(house: House, *prompts: str) -> list[ImportOutcome]:
    entries = [ImportedEntry(prompt=prompt, category="landscape") for prompt in prompts]
    return [one.outcome for one in house.container.library.import_entries(house.who, entries)]


def test_the_prompt_of_a_delivered_video_is_added_and_found(house: House) -> None:
    video = delivered(house)
    entry = add(house, video, notes="still water works best")
    assert (entry.prompt, entry.status, entry.last_video_id) == (video.prompt, EntryStatus.PROVEN, video.id)
    assert (entry.model, entry.proofs, entry.blocks) == (video.model, 1, 0)
    assert find(house, "LAKE") == find(house, "water") == find(house, "landscape") == [video.prompt]
    assert find(house, "volcano") == find(house, "...") == []
    assert find(house, "lake", category="people") == []


def test_prompts_are_found_by_their_meaning_in_both_languages(house: House) -> None:
    kitten, harbour = "A kitten chases a ball of wool across the carpet", "黃昏的漁港，漁船靠岸，海鷗盤旋"
    import_prompts(house, kitten, harbour, "An old steam train crosses a bridge in the snow")
    assert find(house, "小猫玩耍")[0] == find(house, "playful cat")[0] == kitten
    assert find(house, "boats in a harbour at dusk")[0] == harbour
    assert kitten not in find(house, "railway")
    # What has every word of the search comes first.
    assert find(house, "old bridge")[0].startswith("An old steam train")


def test_prompts_are_found_in_both_scripts_by_their_rarest_words_and_by_their_beginning(house: House) -> None:
    chinese, red_boat = "早晨的湖面，霧氣緩緩上升", "a quiet lake with a red boat"
    long = f"a quiet meadow {'x ' * 1_000}volcano"
    prompts = (chinese, "a quiet lake at dawn", red_boat, "a quiet forest", long)
    assert import_prompts(house, *prompts) == [ImportOutcome.ADDED] * 5
    assert {find(house, words)[0] for words in ("霧氣", "雾气", "湖")} == {chinese}
    assert chinese not in find(house, "機器人")
    assert find(house, "quiet lake boat")[0] == red_boat
    assert find(house, "quiet lake boat", limit=1) == [red_boat]
    assert find(house, "meadow")[0] == long
    assert long not in find(house, "volcano")


def test_only_a_delivered_and_allowed_video_without_a_source_proves_its_prompt_and_once(house: House) -> None:
    waiting, video, labelled, continued = (
        house.order(),
        delivered(house),
        delivered(house, "a quiet lake at noon"),
        delivered(house, "now with rain"),
    )
    with house.transaction() as tx:
        tx.update(tables.verdicts, tables.verdicts.c.video_id == labelled.id, action="label")
    house.change(continued, remixed_from=video.id)
    for wrong, problem in (
        (waiting, "verdict allow"),
        (labelled, "verdict allow"),
        (continued, "proves nothing alone"),
    ):
        with pytest.raises(Conflict, match=problem):
            add(house, wrong)
    with pytest.raises(NotFound):
        add(house, replace(video, id="video_none"))
    add(house, video)
    with pytest.raises(Conflict, match="already"):
        add(house, delivered(house))


def test_an_entry_is_withdrawn_with_its_video(house: House) -> None:
    video = delivered(house)
    entry = add(house, video)
    other = add(house, delivered(house, "a quiet forest"), variation_of=entry.id)
    house.withdraw(video)
    library = house.container.library
    with pytest.raises(NotFound):
        library.get(house.who, entry.id)
    assert video.prompt not in find(house, "lake")
    assert library.get(house.who, other.id).variation_of is None


def test_an_entry_is_removed_when_any_video_with_its_prompt_is_withdrawn(house: House) -> None:
    library = house.container.library
    add(house, delivered(house))
    import_prompts(house, "a quiet forest")
    for prompt in ("a quiet lake at dawn", "a quiet forest"):
        later = delivered(house, prompt)
        assert later.id in {one.last_video_id for one in library.export(house.who)}
        house.withdraw(later)
        assert prompt not in [one.prompt for one in library.export(house.who)]
    assert library.export(house.who) == ()


def test_a_withdrawal_while_an_entry_is_added_leaves_no_entry(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = delivered(house)
    context = house.context
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

    monkeypatch.setattr(service, "is_proof", judge)
    with suppress(Conflict):
        add(house, video)
    thread.join()
    assert house.container.library.export(house.who) == ()


def test_a_video_with_a_source_or_a_reference_is_no_use_and_no_proof(house: House, tmp_path: Path) -> None:
    library = house.container.library
    import_prompts(house, "now with rain")
    house.generators["able"] = instant(ABLE)
    first = house.make("a quiet lake", model="able-1")
    upload = clip(tmp_path)
    reference = replace(upload, field="input_reference")
    remix, edit, pictured = (
        house.make("now with rain", **fields)
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
    video = delivered(house)
    entry = add(house, video)
    library = house.container.library
    for columns, expected in (
        # A failure that is no refusal marks nothing.
        ({"state": "failed", "error_code": "timeout"}, EntryStatus.PROVEN),
        ({"state": "failed", "error_code": "timeout"}, EntryStatus.PROVEN),
        ({"state": "blocked", "error_code": "moderation_blocked"}, EntryStatus.PROVEN),
        ({"state": "blocked", "error_code": "moderation_blocked"}, EntryStatus.FAILED_USES),
    ):
        house.change(house.order(entry.prompt), **columns)
        assert library.get(house.who, entry.id).status is expected
    assert find(house, "", needs_validation=True) == [entry.prompt]
    again = delivered(house, entry.prompt)
    found = library.get(house.who, entry.id)
    assert (found.status, found.proofs, found.blocks) == (EntryStatus.PROVEN, 2, 2)
    for proof in (video, again):
        house.change(proof, model="instant-0")
    assert library.get(house.who, entry.id).status is EntryStatus.NEW_MODEL


def test_imports_are_checked_like_new_prompts_and_stay_unproven(house: House) -> None:
    library = house.container.library
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
        query = EntryQuery(words="a", limit=1, after=pages[-1].items[-1].id)
        pages.append(library.search(house.who, query))
    whole = library.search(house.who, EntryQuery(words="a")).items
    assert tuple(page.items[0] for page in pages) == whole
    with pytest.raises(NotFound):
        library.search(house.who, EntryQuery(after="entry_none"))
    (found,) = library.search(house.who, EntryQuery(words="birch")).items
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

    library = Library(house.database, check=check, offered_models=set)
    entries = [ImportedEntry(prompt=prompt, category="x") for prompt in "abc"]
    outcomes = [one.outcome for one in library.import_entries(house.who, entries)]
    assert outcomes == [ImportOutcome.ADDED, ImportOutcome.NOT_CHECKED, ImportOutcome.NOT_CHECKED]


def test_a_key_that_may_not_read_gets_the_entry_that_it_added(house: House) -> None:
    library, video = house.container.library, delivered(house)
    writer = replace(house.who, scopes=frozenset({KeyScope.VIDEOS_WRITE}))
    added = library.add(writer, NewEntry(video_id=video.id, category="landscape"))
    assert added == library.get(house.who, added.id)


@pytest.mark.both_databases
def test_another_tenant_sees_nothing_and_scopes_are_needed(house: House) -> None:
    entry = add(house, delivered(house))
    library = house.container.library
    stranger = house.stranger()
    assert library.search(stranger, EntryQuery(words="lake")).items == library.export(stranger) == ()
    with pytest.raises(NotFound):
        library.remove(stranger, entry.id)
    reader = replace(house.who, scopes=frozenset({KeyScope.VIDEOS_READ}))
    with pytest.raises(Forbidden):
        library.remove(reader, entry.id)
    library.remove(house.who, entry.id)
    assert library.export(house.who) == ()
