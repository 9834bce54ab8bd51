"""Likeness end to end with dlib on drawn faces: enrolled from files, searched for in references and clips."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.app.container import Container
from safelight.app.settings import DPIA_HEADINGS, DPIA_PLACEHOLDER, LikenessSettings, Settings
from safelight.consents import NewConsent, NewProtectedPerson
from safelight.core.errors import InvalidMedia, SettingsError
from safelight.detectors.registry import DetectorRegistry
from safelight.policy.findings import Match, Stage
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action
from safelight.policy.waivers import EVERYTHING, NewWaiver
from safelight.screening.evaluation import StageResult
from safelight.store import tables
from support.clips import make_clip
from support.consent_records import add_given_request
from support.house import CALM_SCAN
from support.synthetic_faces import ANN, BEN, Pixels, pair, portrait

BASIS = "Explicit consent, Art. 9(2)(a) GDPR"
SENSIBLE = "\n\n".join(f"{heading}\n\nAs agreed." for heading in DPIA_HEADINGS)


def policy_of(container: Container) -> TenantPolicy:
    return container.pipeline.policy_loader.load(container.persistence.tenant)


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    dpia = tmp_path / "dpia.md"
    dpia.write_text(SENSIBLE, encoding="utf-8")
    container = Container(
        Settings(
            data=tmp_path / "data",
            scan=CALM_SCAN,  # type: ignore[arg-type]
            # Drawn faces are more similar to each other than real ones.
            likeness={  # type: ignore[arg-type]
                "enabled": True,
                "legal_basis": BASIS,
                "dpia": dpia,
                "protected_distance": 0.4,
            },
        )
    )
    container.core.detectors = DetectorRegistry([])
    container.persistence.waivers.add(
        NewWaiver(
            name="tests",
            decided_by="a test",
            reason="no model sees it",
            categories=(EVERYTHING,),
        ),
        taxonomy=container.core.taxonomy,
    )
    yield container
    container.likeness.face_embedder.close()
    container.core.sandbox.close()
    container.persistence.database.close()


def picture(path: Path, pixels: Pixels) -> Path:
    from PIL import Image

    Image.fromarray(pixels).save(path)
    return path


def scanned_result(container: Container, path: Path) -> StageResult:
    return container.pipeline.stages.scan_image(path, policy_of(container))


def consent(container: Container, path: Path) -> str:
    return container.likeness.consents.add(
        container.persistence.tenant,
        NewConsent(
            subject="Ann",
            recorded_by="Ada",
            evidence="a form",
            pictures=[path],
        ),
    ).id


def give_on_camera(container: Container, record: str) -> None:
    """Raise the level of a consent, as the confirmation of a reviewer does."""
    with container.persistence.database.transaction(container.persistence.tenant) as tx:
        tx.update(tables.consents, tables.consents.c.id == record, level=2)
        terms = {"uses": "", "commercial": True, "territory": "world", "scope": [], "expires_at": 0.0}
        # A scan without a request has no account.
        add_given_request(tx, record, terms)


def test_a_face_in_a_reference_is_allowed_with_the_subjects_consent_and_only_while_it_holds(
    container: Container, tmp_path: Path
) -> None:
    enrolled = picture(tmp_path / "ann.png", portrait(ANN))
    another = picture(tmp_path / "again.png", portrait(ANN, side=340, brightness=0.9))
    stranger = picture(tmp_path / "ben.png", portrait(BEN))
    both = picture(tmp_path / "both.png", pair(ANN, BEN))
    record = consent(container, enrolled)
    held = scanned_result(container, another)
    assert (held.verdict.rule, held.verdict.consents) == ("lk-9", (record,))
    give_on_camera(container, record)
    allowed = scanned_result(container, another)
    assert allowed.verdict.action is Action.ALLOW
    assert allowed.verdict.consents == (record,)
    assert scanned_result(container, stranger).verdict.rule == "lk-1"
    refused = scanned_result(container, both)
    assert (refused.verdict.action, refused.verdict.consents) == (Action.BLOCK, ())
    container.likeness.consents.revoke(container.persistence.tenant, record, revoked_by="Ann")
    # Faces are compared only if a person is enrolled; without a face detector that is a gap.
    container.likeness.protected_people.add(
        container.persistence.tenant,
        NewProtectedPerson(
            name="Ben",
            pictures=[stranger],
            recorded_by="Ada",
        ),
    )
    assert scanned_result(container, another).verdict.rule == "lk-1"


def test_a_protected_face_in_an_output_is_held_and_others_are_not(
    container: Container, tmp_path: Path
) -> None:
    protected = container.likeness.protected_people.add(
        container.persistence.tenant,
        NewProtectedPerson(
            name="Ann",
            pictures=[picture(tmp_path / "ann.png", portrait(ANN))],
            recorded_by="Ada",
        ),
    )
    ann = make_clip(
        tmp_path / "ann.mp4",
        width=320,
        height=320,
        odd=dict.fromkeys(range(12, 30), portrait(ANN, side=320, brightness=0.95)),
    )
    held, _report = container.pipeline.stages.scan_clip(ann, policy_of(container))
    assert held.verdict.action is Action.HOLD
    assert held.verdict.rule == "lk-6"
    (match,) = [one for one in held.verdict.findings[0].evidence if isinstance(one, Match)]
    assert match.entry == protected.id
    ben = make_clip(
        tmp_path / "ben.mp4",
        width=320,
        height=320,
        odd=dict.fromkeys(range(12, 30), portrait(BEN, side=320)),
    )
    fine, _report = container.pipeline.stages.scan_clip(ben, policy_of(container))
    assert fine.verdict.action is Action.ALLOW
    assert fine.stage is Stage.OUTPUT


def test_a_picture_without_exactly_one_face_is_not_enrolled(container: Container, tmp_path: Path) -> None:
    import numpy as np

    empty = picture(tmp_path / "empty.png", np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(InvalidMedia, match="no faces"):
        consent(container, empty)
    with pytest.raises(InvalidMedia, match="2 faces"):
        consent(container, picture(tmp_path / "two.png", pair(ANN, BEN)))
    assert container.likeness.consents.list(container.persistence.tenant) == ()


def test_likeness_is_off_and_enrolment_is_refused_by_default(tmp_path: Path) -> None:
    container = Container(Settings(data=tmp_path / "data"))
    assert container.likeness.face_matcher is None
    with pytest.raises(SettingsError, match=r"likeness\.enabled"):
        consent(container, picture(tmp_path / "ann.png", portrait(ANN)))
    container.persistence.database.close()


@pytest.mark.parametrize(
    ("basis", "assessment", "said"),
    [
        ("", SENSIBLE, "legal_basis"),
        (BASIS, None, "impact assessment"),
        (BASIS, f"{SENSIBLE}\n{DPIA_PLACEHOLDER}", "1 places"),
        (BASIS, SENSIBLE.replace(DPIA_HEADINGS[2], ""), "lacks the section"),
    ],
)
def test_without_a_legal_basis_and_a_filled_in_assessment_it_is_refused(
    tmp_path: Path, basis: str, assessment: str | None, said: str
) -> None:
    given: dict[str, Any] = {"enabled": True, "legal_basis": basis}
    if assessment is not None:
        given["dpia"] = tmp_path / "dpia.md"
        given["dpia"].write_text(assessment, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        LikenessSettings(**given)
    with pytest.raises(ValueError, match="cannot be read"):
        LikenessSettings(enabled=True, legal_basis=BASIS, dpia=tmp_path / "nowhere.md")


def test_the_form_in_the_docs_has_all_parts_and_is_not_filled_in() -> None:
    page = (Path(__file__).parents[4] / "docs" / "people.md").read_text(encoding="utf-8")
    text = page.split("```markdown\n")[1].split("```")[0]
    assert all(heading in text for heading in DPIA_HEADINGS)
    assert DPIA_PLACEHOLDER in text
