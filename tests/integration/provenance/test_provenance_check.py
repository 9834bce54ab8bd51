"""Checks of strangers: what they get to know, and the limit for near-duplicates of one video."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safelight.core.errors import InvalidMedia
from safelight.core.i18n import available_languages, load_messages
from safelight.provenance.models import (
    ManifestReport,
    ManifestState,
    SignerTrust,
    Verification,
)
from safelight.provenance.recovery.conclusion import Answer, Conclusion, Ground
from safelight.provenance.recovery.public_answer import (
    PublicAnswer,
    describe_answer,
    describe_evidence,
    public_answer,
)
from safelight.provenance.recovery.recovery import FirstLook, Recovered
from safelight.provenance.seal import Mark, MarkState
from safelight.store.database import Database
from safelight.store.tables import provenance_check_counts
from safelight.videos.registry import (
    MAX_CHECKS_PER_DAY,
    CheckLimit,
    ProvenanceCheck,
    ProvenanceChecks,
    Registry,
)

from .test_registry import a_seal

SEAL = a_seal("1" * 64)
OTHER = replace(SEAL, sha256="3" * 64, video_id="video_2")
NOTHING_READ = Verification(
    state=ManifestState.ABSENT,
    signer=SignerTrust.UNKNOWN,
    answer="",
    evidence=(),
    sha256="2" * 64,
    registered=False,
    video_id="",
    reading=ManifestReport(state=ManifestState.ABSENT),
)
FROM_HERE = Conclusion(answer=Answer.CHANGED, ground=Ground.MARK_AND_PICTURE)
PICTURE_ONLY = Conclusion(answer=Answer.CANNOT_TELL, ground=Ground.PICTURE_ONLY)
NOT_FOUND = Conclusion(answer=Answer.NOT_FOUND, ground=Ground.NOTHING)


class ScriptedRecovery:
    """Concludes what a test says, and counts the searches."""

    def __init__(self) -> None:
        self.first = FirstLook(verification=NOTHING_READ, known=None, similar=(SEAL.sha256,))
        self.next = Recovered(conclusion=FROM_HERE, verification=NOTHING_READ, seal=SEAL)
        self.searches = 0

    def look(self, _path: Path) -> FirstLook:
        return self.first

    def conclude(self, _path: Path, _look: FirstLook) -> Recovered:
        self.searches += 1
        return self.next


def check_file(checks: ProvenanceChecks, path: Path) -> ProvenanceCheck:
    look = checks.look(path)
    return look if isinstance(look, ProvenanceCheck) else checks.search(path, look)


@pytest.fixture(autouse=True)
def _delivered(database: Database) -> None:
    with database.transaction("tenant_a") as tx:
        for seal in (SEAL, OTHER):
            Registry(database).record(tx, seal)


@pytest.fixture
def recovery() -> ScriptedRecovery:
    return ScriptedRecovery()


@pytest.fixture
def withdrawn() -> set[str]:
    return set()


@pytest.fixture
def checks(database: Database, recovery: Any, withdrawn: set[str]) -> ProvenanceChecks:
    return ProvenanceChecks(
        recovery=recovery,
        registry=Registry(database),
        database=database,
        is_withdrawn=withdrawn.__contains__,
        has_delivered=lambda *asked: asked == ("tenant_a", SEAL.video_id),
        issuer="Test Films",
    )


def check_up_to_the_limit(checks: ProvenanceChecks) -> None:
    for _ in range(MAX_CHECKS_PER_DAY):
        assert check_file(checks, Path("a.mp4")).public.answer is Answer.CHANGED


def answer_of(check: ProvenanceCheck) -> tuple[Answer, Ground]:
    return check.public.answer, check.public.ground


def test_after_five_near_duplicates_a_day_the_first_answer_is_repeated_without_a_search(
    checks: ProvenanceChecks, recovery: ScriptedRecovery, withdrawn: set[str]
) -> None:
    check_up_to_the_limit(checks)
    recovery.next = replace(recovery.next, conclusion=PICTURE_ONLY)
    sixth = check_file(checks, Path("a.mp4"))
    first = PublicAnswer(answer=Answer.CHANGED, ground=Ground.MARK_AND_PICTURE, day="2026-11-20")
    assert sixth.public == msgspec.structs.replace(first, repeated=True)
    assert sixth.seal is None
    withdrawn.add(SEAL.video_id)
    assert check_file(checks, Path("a.mp4")).public.withdrawn
    assert recovery.searches == MAX_CHECKS_PER_DAY


def test_the_first_answer_of_the_day_is_repeated_and_not_a_later_one(
    checks: ProvenanceChecks, recovery: ScriptedRecovery
) -> None:
    recovery.next = replace(recovery.next, conclusion=PICTURE_ONLY)
    check_file(checks, Path("a.mp4"))
    recovery.next = replace(recovery.next, conclusion=FROM_HERE)
    for _ in range(MAX_CHECKS_PER_DAY - 1):
        assert check_file(checks, Path("a.mp4")).public.answer is Answer.CHANGED
    assert answer_of(check_file(checks, Path("a.mp4"))) == (Answer.CANNOT_TELL, Ground.PICTURE_ONLY)


@pytest.mark.parametrize(
    "conclusion",
    [
        Conclusion(answer=Answer.UNCHANGED, ground=Ground.EXACT_FILE),
        Conclusion(answer=Answer.UNCHANGED, ground=Ground.MANIFEST),
        Conclusion(answer=Answer.NOT_FOUND, ground=Ground.MARK_COPIED),
    ],
)
def test_neither_unchanged_nor_not_found_is_repeated_for_a_near_duplicate(
    checks: ProvenanceChecks, recovery: ScriptedRecovery, conclusion: Conclusion
) -> None:
    recovery.next = replace(recovery.next, conclusion=conclusion)
    for _ in range(MAX_CHECKS_PER_DAY):
        check_file(checks, Path("a.mp4"))
    sixth = check_file(checks, Path("a.mp4"))
    assert sixth.public == PublicAnswer(answer=Answer.CANNOT_TELL, ground=Ground.PICTURE_ONLY, repeated=True)


def test_the_answer_about_another_video_is_not_repeated(
    checks: ProvenanceChecks, recovery: ScriptedRecovery
) -> None:
    recovery.first = replace(recovery.first, similar=(OTHER.sha256,))
    for _ in range(MAX_CHECKS_PER_DAY):
        check_file(checks, Path("a.mp4"))
    assert answer_of(check_file(checks, Path("a.mp4"))) == (Answer.CANNOT_TELL, Ground.PICTURE_ONLY)


def test_no_answer_about_one_video_is_repeated_for_a_file_that_is_near_to_two(
    checks: ProvenanceChecks, recovery: ScriptedRecovery
) -> None:
    check_up_to_the_limit(checks)
    for similar in ((SEAL.sha256, OTHER.sha256), (OTHER.sha256, SEAL.sha256)):
        recovery.first = replace(recovery.first, similar=similar)
        limited = check_file(checks, Path("b.mp4")).public
        assert limited == PublicAnswer(answer=Answer.CANNOT_TELL, ground=Ground.PICTURE_ONLY, repeated=True)
    assert recovery.searches == MAX_CHECKS_PER_DAY


def test_a_check_counts_for_every_near_video(checks: ProvenanceChecks, recovery: ScriptedRecovery) -> None:
    both = replace(recovery.first, similar=(OTHER.sha256, SEAL.sha256))
    recovery.first = both
    check_up_to_the_limit(checks)
    for sha256 in both.similar:
        recovery.first = replace(both, similar=(sha256,))
        assert check_file(checks, Path("a.mp4")).public.repeated
    assert recovery.searches == MAX_CHECKS_PER_DAY


@pytest.mark.both_databases
def test_no_more_than_five_simultaneous_checks_are_searched(
    checks: ProvenanceChecks, recovery: ScriptedRecovery
) -> None:
    waiting = [checks.look(Path("a.mp4")) for _ in range(MAX_CHECKS_PER_DAY)]
    assert all(isinstance(one, FirstLook) for one in waiting)
    sixth = checks.look(Path("a.mp4"))
    assert isinstance(sixth, ProvenanceCheck)
    assert answer_of(sixth) == (Answer.CANNOT_TELL, Ground.PICTURE_ONLY)


@pytest.mark.both_databases
def test_of_concurrent_checks_that_name_videos_in_any_order_five_are_within_the_limit(
    database: Database,
) -> None:
    limit = CheckLimit(database)
    orders = [(SEAL.sha256, OTHER.sha256), (OTHER.sha256, SEAL.sha256)] * 6
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(limit.count, orders)) == MAX_CHECKS_PER_DAY


@pytest.mark.parametrize(
    ("similar", "is_complete", "answer"),
    [
        ((), True, NOT_FOUND),
        ((), False, Conclusion(answer=Answer.CANNOT_TELL, ground=Ground.NOT_SEARCHED)),
        ((OTHER.sha256,), True, PICTURE_ONLY),
    ],
    ids=["nothing", "not-complete", "another-video"],
)
def test_above_the_limit_the_mark_of_a_video_that_is_not_near_is_answered_like_no_mark(
    checks: ProvenanceChecks,
    recovery: ScriptedRecovery,
    similar: tuple[str, ...],
    is_complete: bool,
    answer: Conclusion,
) -> None:
    recovery.first = replace(recovery.first, similar=())
    check_up_to_the_limit(checks)
    recovery.first = replace(recovery.first, similar=similar)
    without = Recovered(conclusion=answer, verification=NOTHING_READ, is_complete=is_complete)
    copied = Conclusion(answer=Answer.NOT_FOUND, ground=Ground.MARK_COPIED)
    with_mark = [replace(without, conclusion=one, seal=SEAL) for one in (FROM_HERE, copied, PICTURE_ONLY)]
    answers = []
    for recovery.next in (without, *with_mark):
        answers.append(check_file(checks, Path("b.mp4")))
    assert answers == [answers[0]] * 4
    assert answer_of(answers[0]) == (answer.answer, answer.ground)


def test_above_the_limit_a_video_whose_picture_agrees_is_not_called_not_found(
    checks: ProvenanceChecks, recovery: ScriptedRecovery
) -> None:
    recovery.first = replace(recovery.first, similar=(), shortlist=(SEAL.sha256,))
    check_up_to_the_limit(checks)
    with_mark = Recovered(conclusion=FROM_HERE, verification=NOTHING_READ, seal=SEAL)
    answers = []
    for recovery.next in (with_mark, replace(with_mark, conclusion=PICTURE_ONLY)):
        answers.append(check_file(checks, Path("b.mp4")))
    assert answers[0] == answers[1]
    assert answer_of(answers[0]) == (Answer.CANNOT_TELL, Ground.PICTURE_ONLY)


def test_above_the_limit_the_exact_file_is_still_known(
    checks: ProvenanceChecks, recovery: ScriptedRecovery
) -> None:
    check_up_to_the_limit(checks)
    recovery.first = FirstLook(verification=NOTHING_READ, known=SEAL)
    exact = Conclusion(answer=Answer.UNCHANGED, ground=Ground.EXACT_FILE)
    recovery.next = replace(recovery.next, conclusion=exact)
    found = check_file(checks, Path("a.mp4"))
    assert (found.public.answer, found.seal is not None) == (Answer.UNCHANGED, True)


def test_the_check_names_the_delivered_file_only_if_the_answer_is_from_here(
    checks: ProvenanceChecks, recovery: ScriptedRecovery
) -> None:
    recovery.next = replace(recovery.next, conclusion=PICTURE_ONLY)
    assert check_file(checks, Path("a.mp4")).seal is None
    recovery.next = replace(recovery.next, conclusion=FROM_HERE)
    named = check_file(checks, Path("a.mp4")).seal
    assert named is not None
    assert named.sha256 == SEAL.sha256


def test_a_file_that_names_no_video_is_not_counted(
    checks: ProvenanceChecks, recovery: ScriptedRecovery, database: Database
) -> None:
    recovery.first = replace(recovery.first, similar=())
    recovery.next = Recovered(conclusion=NOT_FOUND, verification=NOTHING_READ)
    check_file(checks, Path("a.mp4"))
    with database.across_tenants("test", readonly=True) as tx:
        assert tx.count(provenance_check_counts) == 0


def test_only_a_file_from_here_gets_a_day_and_the_word_withdrawn(
    checks: ProvenanceChecks, recovery: ScriptedRecovery
) -> None:
    recovery.next = replace(recovery.next, is_withdrawn=True)
    assert check_file(checks, Path("a.mp4")).public.withdrawn
    recovery.next = replace(recovery.next, conclusion=PICTURE_ONLY)
    public = check_file(checks, Path("a.mp4")).public
    assert (public.day, public.withdrawn) == (None, False)


def test_an_id_alone_is_cannot_tell_and_only_its_own_tenant_learns_that_it_exists(
    checks: ProvenanceChecks, withdrawn: set[str]
) -> None:
    nothing = PublicAnswer(answer=Answer.CANNOT_TELL, ground=Ground.ID_ONLY)
    for tenant in (None, "tenant_b"):
        withdrawn.add(SEAL.video_id)
        assert checks.check_id(SEAL.video_id, tenant=tenant).public == nothing
        assert checks.check_id("video_3", tenant=tenant).public == nothing
    assert checks.check_id("video_3", tenant="tenant_a").public == nothing
    own = checks.check_id(SEAL.video_id, tenant="tenant_a").public
    assert own == msgspec.structs.replace(nothing, id_exists=True, withdrawn=True)
    assert describe_answer(own, "Test Films") == (
        "Cannot tell: an id alone does not show where a file comes from. Check the file itself. "
        "A video of your account with this id was delivered. The video was withdrawn afterwards."
    )


def test_a_watermark_and_a_similar_picture_are_not_called_a_proof_of_delivery() -> None:
    public = PublicAnswer(answer=Answer.CHANGED, ground=Ground.MARK_AND_PICTURE, day="2026-11-20")
    assert describe_answer(public, "Test Films") == (
        "A watermark of Test Films is in it, and it resembles a video that Test Films delivered on "
        "2026-11-20. Parts may have been added or changed."
    )
    evidence = describe_evidence(public)
    assert "delivered" not in evidence.proves
    assert evidence.does_not_prove.startswith("That this picture was delivered here")


def test_a_file_that_is_neither_a_video_nor_a_picture_gets_no_answer_about_its_origin(
    checks: ProvenanceChecks, recovery: ScriptedRecovery
) -> None:
    recovery.first = FirstLook(verification=NOTHING_READ, known=None, has_picture=False)
    with pytest.raises(InvalidMedia, match=r"^This is not a video or picture that we can open\.$"):
        check_file(checks, Path("page.html"))
    assert recovery.searches == 0


@pytest.mark.parametrize("ground", Ground)
def test_the_state_of_the_mark_is_told_only_if_the_picture_was_not_needed_for_the_answer(
    ground: Ground,
) -> None:
    dark = replace(SEAL, mark=Mark(state=MarkState.NOT_READABLE))
    conclusion = Conclusion(answer=Answer.UNCHANGED, ground=ground)
    found = Recovered(conclusion=conclusion, verification=NOTHING_READ, seal=dark)
    is_told = ground in (Ground.EXACT_FILE, Ground.MANIFEST)
    assert public_answer(found).mark == (MarkState.NOT_READABLE if is_told else None)


@pytest.mark.parametrize("tag", available_languages("provenance"))
@pytest.mark.parametrize("ground", Ground)
def test_every_answer_has_words_in_every_language(ground: Ground, tag: str) -> None:
    public = PublicAnswer(answer=Answer.UNCHANGED, ground=ground, day="2026-11-20", withdrawn=True)
    sentence, english = describe_answer(public, "Test Films", tag), describe_answer(public, "Test Films")
    assert (sentence == english) == (tag == "en")
    assert "{" not in sentence
    found = describe_evidence(public, tag)
    assert all((found.says, found.proves, found.does_not_prove))


@pytest.mark.parametrize("tag", available_languages("provenance"))
def test_a_repeated_answer_states_in_every_language_that_this_file_was_not_searched(tag: str) -> None:
    first = PublicAnswer(answer=Answer.CHANGED, ground=Ground.MARK_AND_PICTURE, day="2026-11-20")
    repeated = msgspec.structs.replace(first, repeated=True)
    words = describe_answer(repeated, "Test Films", tag)
    assert words.startswith(
        load_messages("provenance", tag)("repeated.resembles", issuer="Test Films", day=first.day)
    )
    assert words.endswith(load_messages("provenance", tag)("repeated.answer"))
    assert describe_evidence(repeated, tag).says != describe_evidence(first, tag).says
    assert all(msgspec.to_builtins(describe_evidence(repeated, tag)).values())
