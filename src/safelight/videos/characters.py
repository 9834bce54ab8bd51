"""Characters: named clips that are screened like references, before a request may use them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from safelight.accounts import KeyScope, Principal
from safelight.accounts.terms import read_audience
from safelight.core.errors import (
    InvalidField,
    InvalidMedia,
    NotFound,
    RequestBlocked,
    SandboxFailed,
    Unavailable,
)
from safelight.core.ids import is_id, new_id
from safelight.policy.findings import Stage
from safelight.policy.intended_use import VideoRequester
from safelight.policy.verdicts import Action
from safelight.provenance.recovery.recovery import Recovered
from safelight.provenance.seal import Seal
from safelight.screening.evaluation import ScreeningContext, StageResult
from safelight.screening.reference import ReferenceInput
from safelight.store import tables
from safelight.store.retention import Retention

from . import mappers
from .copied_sources import CopiedSources, look_up_copied_sources
from .fair_order import SlotRequest
from .interruptions import ShutdownRequested
from .models import Character, CharacterState
from .quota import Usage
from .references import SOURCE_SEALS, References, changed_from, recover_input
from .stage_records import record_stage

_MAX_CHARACTERS_PER_REQUEST = 8


@dataclass(frozen=True, kw_only=True)
class Characters:
    references: References

    def create(self, principal: Principal, *, name: str, clip: Path, end_user: str | None) -> Character:
        """Screen a named clip, and store the character if the policy allows or holds it.

        Returns after every frame was scanned. Counts as one video of the daily quota. Raises `RequestBlocked`
        and `InvalidMedia`. The clip of a rejected character is kept as evidence.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        context = self.references.context
        with context.database.read_transaction(principal.tenant) as tx:
            context.standings.require_good(tx, principal.id, end_user)
        file = ReferenceInput.of(clip, "video")
        if file.is_picture:
            raise InvalidMedia("This file is an image. A character needs a video clip.", param="video")
        self.references.refuse_withdrawn_file(file)
        # Each request that uses the character states what it is for.
        requester = VideoRequester(account=principal.id, end_user=end_user, use=None)
        recovered = self._recover(file)
        sources = self._find_sources(principal.tenant, recovered, requester)
        character_id = new_id("character")
        results = self._screen(principal, name, file, requester, sources)
        if (seal := changed_from(recovered)) is not None:
            results = tuple(_with_seal(each, file, seal) for each in results)
        deciding = results[-1]
        action = deciding.verdict.action
        state = {Action.BLOCK: CharacterState.REJECTED, Action.HOLD: CharacterState.HELD}.get(
            action, CharacterState.READY
        )
        vault = deciding.verdict.vault
        retention = Retention.VAULT if vault else Retention.EVIDENCE
        with context.database.transaction(tenant=principal.tenant) as tx:
            now = tx.now()
            if state is not CharacterState.REJECTED:
                usage = Usage(account=principal.id, end_user=end_user, seconds=0)
                context.quota.reserve(tx, usage, now=now)
            tx.insert(
                tables.characters,
                id=character_id,
                name=name,
                state=state.value,
                principal_id=principal.id,
                end_user=end_user,
                sha256=file.sha256,
                media_type=file.media_type,
                bytes=file.path.stat().st_size,
                vaulted=vault,
                created_at=now,
            )
            sources.record(tx, character_id)
            self.references.record_files(tx, character_id, (file,), retention, kind="character")
            for stage in results:
                record_stage(tx, character_id, stage)
            tx.append_audit(
                f"character.{state.value}", subject=character_id, actor=principal.id, content={"name": name}
            )
        self.references.store_files(principal.tenant, (file,), retention, kind="character")
        if state is CharacterState.REJECTED:
            sentence, details = context.explain(deciding.verdict, None, character_id)
            field = "name" if deciding.stage is Stage.PROMPT else "video"
            raise RequestBlocked(
                sentence, details={**details, "record": None}, param=None if vault else field
            )
        return self.get(principal, character_id)

    def get(self, principal: Principal, character_id: str) -> Character:
        principal.require(KeyScope.VIDEOS_READ)
        found = self._one(principal.tenant, character_id)
        if found is None or found.state is CharacterState.REJECTED:
            raise NotFound(f"There is no character {character_id[:80]!r}.", param="character_id")
        return found

    def ready(self, principal: Principal, ids: Sequence[str]) -> tuple[Character, ...]:
        """The characters of a request. Raises `InvalidField` if one does not exist or cannot be used."""
        if len(ids) > _MAX_CHARACTERS_PER_REQUEST or len(set(ids)) < len(ids):
            raise InvalidField(
                f"A request can name at most {_MAX_CHARACTERS_PER_REQUEST} characters, and each only once.",
                param="characters",
            )
        found = []
        for number, character_id in enumerate(ids):
            character = self._one(principal.tenant, character_id)
            param = f"characters[{number}]"
            if character is None or character.state is CharacterState.REJECTED:
                raise InvalidField(f"There is no character {character_id[:80]!r}.", param=param)
            if character.state is CharacterState.HELD:
                raise InvalidField(
                    f"The character {character.name!r} waits for a reviewer and cannot be used yet.",
                    param=param,
                )
            if self.references.is_of_withdrawn_video(character.sha256):
                raise InvalidField(
                    f"The clip of the character {character.name!r} is a video that was withdrawn.",
                    param=param,
                )
            found.append(character)
        return tuple(found)

    def _one(self, tenant: str, character_id: str) -> Character | None:
        if not is_id(character_id, "character"):
            return None
        with self.references.context.database.read_transaction(tenant=tenant) as tx:
            row = tx.one(tables.characters, character_id)
        return None if row is None else mappers.character(row)

    def _recover(self, file: ReferenceInput) -> Recovered:
        """The origin of the clip. Raises `Withdrawn`, and `Unavailable` if it cannot be checked."""
        try:
            return recover_input(self.references.context, file)
        except SandboxFailed as error:
            raise Unavailable(error.message, remedy="Send the request again.") from error

    def _find_sources(self, tenant: str, recovered: Recovered, requester: VideoRequester) -> CopiedSources:
        """The delivered video of which the clip is a copy."""
        context = self.references.context
        copied = () if recovered.source_video is None else (recovered.source_video,)
        compares_faces = context.stages.reference.compares_faces
        return look_up_copied_sources(
            context.database, tenant, copied, requester, compares_faces=compares_faces
        )

    def _screen(
        self,
        principal: Principal,
        name: str,
        file: ReferenceInput,
        requester: VideoRequester,
        sources: CopiedSources,
    ) -> tuple[StageResult, ...]:
        stages = self.references.context.stages
        with self.references.context.database.read_transaction(principal.tenant) as tx:
            policy = self.references.context.policies.load_within(tx, principal.tenant)
            audience = read_audience(tx, principal.id, requester.end_user)
        texts = {"name": name}
        prompt = stages.prompt.screen(texts, policy, audience=audience)
        if prompt.verdict.action is Action.BLOCK:
            return (prompt,)
        context = self.references.context
        waiting = SlotRequest(
            tenant=principal.tenant, key=principal.id, since=context.database.clock(), video_id=file.sha256
        )
        try:
            with context.local_slots.hold(waiting, keep=False):
                clip = stages.reference.screen(
                    (file,),
                    ScreeningContext(
                        policy=policy,
                        texts=texts,
                        prior=(*prompt.findings, *sources.findings),
                        audience=audience,
                        requester=requester,
                    ),
                )
        except ShutdownRequested:
            raise Unavailable("The gateway is being stopped.") from None
        if prompt.verdict.action.severity > clip.verdict.action.severity:
            return (clip, prompt)
        return (prompt, clip)


def _with_seal(result: StageResult, file: ReferenceInput, seal: Seal) -> StageResult:
    """The result of the stage `reference` with the delivered file of which the clip is a changed copy."""
    if result.stage is not Stage.REFERENCE:
        return result
    return replace(result, details={**result.details, SOURCE_SEALS: {file.sha256: seal.sha256}})
