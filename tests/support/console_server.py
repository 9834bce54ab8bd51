"""The desk's server with everything the pages need: policies, checks, a verifier, a look at pictures."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from safelight.console.services import ConsoleServices, PolicyServices
from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.pipeline import TextPipeline
from safelight.ids import new_id
from safelight.jobs.states import VideoState
from safelight.moderation.admission import AdmissionLimits
from safelight.moderation.check import CheckService
from safelight.moderation.evaluation import PolicyEvaluator
from safelight.moderation.output import OutputStage
from safelight.moderation.pipeline import Stages
from safelight.moderation.prompt import PromptStage
from safelight.moderation.reference import ReferenceStage
from safelight.net.fetch import Fetcher
from safelight.policy.categories import SHIPPED
from safelight.policy.documents import Policy, load
from safelight.policy.findings import Stage
from safelight.policy.verdicts import WaiverTerms
from safelight.provenance.keys import KeyStore
from safelight.provenance.verification import Verifier
from safelight.sandbox.sandbox import Sandbox
from safelight.store.database import Database
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind
from safelight.trust.evasion.service import EvasionTracker
from safelight.trust.policies import Policies, history
from safelight.trust.reviews import Case, CaseFile, CaseKind, open_case
from support.fake_api_server import Live, Shelf, judged, live

STAFF = frozenset(KeyScope) - {KeyScope.VAULT}


@dataclass(frozen=True, kw_only=True)
class Paged:
    server: Live
    database: Database
    policies: Policies
    #: Cases whose pictures were looked at.
    looks: list[str]

    def staff_login(self) -> str:
        """A link for somebody who may do everything but open the vault."""
        person = Principal(
            tenant=self.server.tenant,
            id=new_id("user"),
            kind=PrincipalKind.PERSON,
            name="Grace",
            scopes=STAFF,
        )
        return f"{self.server.url}/login?token={self.server.accounts.create_login_link(person)}"

    def hold(self, video_id: str, *, stage: Stage = Stage.OUTPUT, kind: CaseKind = CaseKind.HOLD) -> Case:
        """The video held, and its case."""
        due = time.time() + 840
        if kind is CaseKind.HOLD:
            self.server.desk.change(video_id, state=VideoState.HELD, stage=stage, review_due_at=due)
        with self.database.transaction(self.server.tenant) as tx:
            return open_case(
                tx,
                video_id=video_id,
                kind=kind,
                stage=stage,
                due_at=due,
                category="violence",
                rule="vi-3",
                why="Possibly graphic violence in the picture.",
                actor="policy",
            )


@contextmanager
def paged(folder: Path, database_file: Path) -> Iterator[Paged]:
    sandbox = Sandbox()
    looks: list[str] = []

    def reveal(principal: Principal, file: CaseFile) -> bytes:
        from PIL import Image

        looks.append(file.case.id)
        picture = io.BytesIO()
        Image.linear_gradient("L").resize((480, 270)).save(picture, "WEBP")
        return picture.getvalue()

    with closing(Database(f"sqlite:///{database_file}")) as database:
        policies = Policies(database, taxonomy=SHIPPED)
        starter = load("starter", SHIPPED)

        def in_force(tenant: str) -> Policy:
            return policies.active(tenant) or starter

        parts = ConsoleServices(
            verify=Verifier(sandbox=sandbox, keys=KeyStore.own(folder / "keys", organization="T")).verify,
            policies=PolicyServices(
                published=policies,
                in_force=in_force,
                history=lambda tenant: history(database, tenant=tenant),
            ),
            reveal=reveal,
            settings=lambda: {
                "data": "data",
                "server": {"port": 8000, "tls_key": "/etc/tls/key.pem"},
                "storage": {
                    "database": "postgresql://ada:hunter2@db/x",
                    "s3": {"secret_access_key": "s3cr3t"},
                },
                "generators": {"paid": {"kind": "videos_api", "api_key": "sk-upstream-12345678"}},
            },
        )
        with live(
            folder,
            database_file,
            max_body_bytes=2 * 1024 * 1024,
            upload_idle_s=0.5,
            pages=parts,
            checks=_checks(folder, database, in_force),
        ) as server:
            yield Paged(server=server, database=database, policies=policies, looks=looks)
    sandbox.close()


def _checks(folder: Path, database: Database, in_force: object) -> CheckService:
    """Words judged by the lists alone: quick, and the same everywhere."""
    found = DetectorRegistry.discover({})
    light = [one for one in found.text_detectors() if one.name in {"card", "words", "patterns"}]
    pipeline = TextPipeline(light, budget_s=10.0)
    terms = (WaiverTerms(id="waiver_1", name="demo", categories=("*",)),)
    judge = PolicyEvaluator(taxonomy=SHIPPED, policy=in_force, waivers=lambda _: terms)  # type: ignore[arg-type]
    return CheckService(
        stages=Stages(
            prompt=PromptStage(judge=judge, pipeline=pipeline),
            reference=ReferenceStage(judge=judge, scanner=None, pipeline=pipeline),  # type: ignore[arg-type]
            output=OutputStage(judge=judge, scanner=None, pipeline=pipeline),  # type: ignore[arg-type]
        ),
        generators={"shelf": Shelf()},
        default_generator="shelf",
        limits=AdmissionLimits(max_prompt_characters=32_000),
        fetcher=Fetcher(),
        database=database,
        taxonomy=SHIPPED,
        scratch=folder / "scratch",
        spend=lambda principal, end_user, cost: None,
        rewordings=EvasionTracker(database),
    )


__all__ = ["Paged", "judged", "paged"]
