from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from safelight.provenance.fingerprints.picture_comparison import Comparison
from safelight.provenance.recovery.conclusion import Answer, Ground, MarkSearch, OriginEvidence, conclude

EVIDENCE = st.builds(
    OriginEvidence,
    is_exact=st.booleans(),
    has_own_manifest=st.booleans(),
    mark=st.sampled_from(MarkSearch),
    marked_picture=st.sampled_from(Comparison),
    has_other_moments=st.booleans(),
    has_similar=st.booleans(),
)


@given(EVIDENCE)
def test_unchanged_needs_the_exact_file_or_a_manifest_of_ours(evidence: OriginEvidence) -> None:
    is_unchanged = conclude(evidence).answer is Answer.UNCHANGED
    assert is_unchanged == (evidence.is_exact or evidence.has_own_manifest)


@given(EVIDENCE)
def test_changed_needs_both_a_mark_and_an_agreeing_picture(evidence: OriginEvidence) -> None:
    if conclude(evidence).answer is Answer.CHANGED:
        assert evidence.mark is MarkSearch.READ
        assert evidence.marked_picture is Comparison.AGREES


@given(EVIDENCE)
def test_a_mark_on_another_picture_is_never_from_here(evidence: OriginEvidence) -> None:
    found = conclude(evidence)
    if not (evidence.is_exact or evidence.has_own_manifest) and evidence.mark is MarkSearch.READ:
        assert (found.ground is Ground.MARK_COPIED) == (evidence.marked_picture is Comparison.DIFFERS)
        agrees = evidence.marked_picture is Comparison.AGREES
        assert (found.answer is Answer.CHANGED) == (agrees and not evidence.has_other_moments)


@given(EVIDENCE)
def test_a_mark_on_another_part_of_the_same_film_leaves_the_origin_open(evidence: OriginEvidence) -> None:
    forged = replace(
        evidence,
        is_exact=False,
        has_own_manifest=False,
        mark=MarkSearch.READ,
        marked_picture=Comparison.AGREES,
        has_other_moments=True,
    )
    assert conclude(forged).answer is Answer.CANNOT_TELL
    assert conclude(forged).ground is Ground.MARK_NOT_COMPARED


@given(EVIDENCE)
def test_nothing_is_found_only_after_a_search(evidence: OriginEvidence) -> None:
    found = conclude(evidence)
    if found.ground is Ground.NOTHING:
        assert evidence == OriginEvidence(
            marked_picture=evidence.marked_picture, has_other_moments=evidence.has_other_moments
        )
    if evidence.mark is MarkSearch.NOT_SEARCHED:
        assert found.answer is not Answer.NOT_FOUND


@given(EVIDENCE, st.sampled_from(Comparison))
def test_the_comparison_counts_only_with_a_mark(evidence: OriginEvidence, other: Comparison) -> None:
    if evidence.mark is not MarkSearch.READ:
        assert conclude(evidence) == conclude(replace(evidence, marked_picture=other))
