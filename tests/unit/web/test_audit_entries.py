"""Readers of the record of a video do not learn who in the staff decided about it."""

from __future__ import annotations

from dataclasses import replace

from safelight.accounts import ROLES, Principal, PrincipalKind, Role
from safelight.videos.models import VideoRecord
from safelight.web.audit_entries import hide_staff, is_reviewer
from support.fake_api_server import a_video

LOG = (
    ("video.received", "user_creator"),
    ("video.held", "policy"),
    ("attempt.ended", "jobs"),
    ("statement.issued", "statements"),
    ("case.opened", "user_reporter"),
    ("case.revealed", "user_ada"),
    ("case.escalated", "user_ada"),
    ("case.decided", "user_ada"),
    ("case.approve", "Ada Reed"),
    ("video.released", "user_ada"),
    ("video.withdrawn", "subject"),
    ("case.withdraw", "operator"),
)


def seen_by(role: Role, name: str) -> list[tuple[str, str]]:
    reader = Principal(
        tenant="acme", id=name, kind=PrincipalKind.PERSON, name=name, scopes=ROLES[role].scopes, role=role
    )
    log = [{"seq": seq, "event": event, "actor": actor} for seq, (event, actor) in enumerate(LOG)]
    video = replace(a_video(), principal_id="user_creator")
    record = VideoRecord(video=video, stages=(), attempts=(), seal=None, audit_log=tuple(log))
    return [(entry["event"], entry["actor"]) for entry in hide_staff(record, reader).audit_log]


def test_a_creator_sees_no_name_or_id_of_another_person() -> None:
    assert seen_by(Role.CREATOR, "user_creator") == [
        ("video.received", "user_creator"),
        ("video.held", "policy"),
        ("attempt.ended", "jobs"),
        ("statement.issued", "statements"),
        ("case.opened", "other"),
        ("case.decided", "reviewer"),
        ("case.approve", "reviewer"),
        ("video.released", "reviewer"),
        ("video.withdrawn", "subject"),
        ("case.withdraw", "reviewer"),
    ]


def test_a_reviewer_sees_the_own_id_and_the_events_of_reviews() -> None:
    assert seen_by(Role.REVIEWER, "user_ada")[4:] == [
        ("case.opened", "other"),
        ("case.revealed", "user_ada"),
        ("case.escalated", "user_ada"),
        ("case.decided", "user_ada"),
        ("case.approve", "reviewer"),
        ("video.released", "user_ada"),
        ("video.withdrawn", "subject"),
        ("case.withdraw", "reviewer"),
    ]


def test_only_reviewers_see_actors_in_the_console() -> None:
    readers = {
        role
        for role, permissions in ROLES.items()
        if is_reviewer(
            Principal(
                tenant="acme",
                id=role.value,
                kind=PrincipalKind.PERSON,
                name=role.value,
                scopes=permissions.scopes,
                role=role,
            )
        )
    }
    assert readers == {
        Role.OWNER,
        Role.TRUST_LEAD,
        Role.VAULT_OFFICER,
        Role.SENIOR_REVIEWER,
        Role.REVIEWER,
    }
