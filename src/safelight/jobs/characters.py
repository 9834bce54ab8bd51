"""Characters: a name and a clip, screened like a reference before anything is made with them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.errors import InvalidField, InvalidMedia, NotFound, RequestBlocked
from safelight.ids import is_id, new_id
from safelight.moderation.evaluation import StageResult
from safelight.moderation.reference import ReferenceInput
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action
from safelight.store import tables
from safelight.store.retention import Retention
from safelight.trust.accounts import KeyScope, Principal

from . import mappers
from .models import Character, CharacterState
from .references import References

_MOST_IN_ONE_ORDER = 8


@dataclass(frozen=True, kw_only=True)
class Characters:
    references: References

    def create(self, principal: Principal, *, name: str, clip: Path, end_user: str | None) -> Character:
        """Screen a name and a clip, and keep them where the policy allows it, or holds them.

        Returns when every frame was looked at. Counts as one video of the day. Raises `Blocked` and
        `InvalidMedia`; what was refused is kept as evidence.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        workshop = self.references.workshop
        file = self.references.identify_file(clip, "video")
        if file.is_picture:
            raise InvalidMedia("This is a picture; a character takes a clip.", param="video")
        character_id = new_id("character")
        judged = self._judge(principal.tenant, name, file)
        deciding = judged[-1]
        action = deciding.verdict.action
        state = {Action.BLOCK: CharacterState.REFUSED, Action.HOLD: CharacterState.HELD}.get(
            action, CharacterState.READY
        )
        vault = deciding.verdict.vault
        retention = Retention.VAULT if vault else Retention.EVIDENCE
        now = time.time()
        with workshop.database.transaction(tenant=principal.tenant) as tx:
            if state is not CharacterState.REFUSED:
                workshop.quota.reserve(tx, principal.id, 0, now=now)
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
            self.references.record_files(tx, character_id, (file,), retention, kind="character")
            for stage in judged:
                workshop.store.record_stage(tx, character_id, stage)
            tx.append_audit(
                f"character.{state.value}", subject=character_id, actor=principal.id, content={"name": name}
            )
        self.references.store_files(principal.tenant, (file,), retention, kind="character")
        if state is CharacterState.REFUSED:
            sentence, details = workshop.explain(deciding.verdict, None, character_id)
            field = "name" if deciding.stage is Stage.PROMPT else "video"
            raise RequestBlocked(
                sentence, details={**details, "record": None}, param=None if vault else field
            )
        return self.get(principal, character_id)

    def get(self, principal: Principal, character_id: str) -> Character:
        principal.require(KeyScope.VIDEOS_READ)
        found = self._one(principal.tenant, character_id)
        if found is None or found.state is CharacterState.REFUSED:
            raise NotFound(f"There is no character {character_id[:80]!r}.", param="character_id")
        return found

    def ready(self, principal: Principal, ids: Sequence[str]) -> tuple[Character, ...]:
        """Characters for an order. Raises `InvalidField` for one that is not there or may not be used."""
        if len(ids) > _MOST_IN_ONE_ORDER or len(set(ids)) < len(ids):
            raise InvalidField(f"At most {_MOST_IN_ONE_ORDER} characters, each once.", param="characters")
        found = []
        for number, character_id in enumerate(ids):
            character = self._one(principal.tenant, character_id)
            param = f"characters[{number}]"
            if character is None or character.state is CharacterState.REFUSED:
                raise InvalidField(f"There is no character {character_id[:80]!r}.", param=param)
            if character.state is CharacterState.HELD:
                raise InvalidField(
                    f"The character {character.name!r} is held for review; nothing can be made with it yet.",
                    param=param,
                )
            found.append(character)
        return tuple(found)

    def _one(self, tenant: str, character_id: str) -> Character | None:
        if not is_id(character_id, "character"):
            return None
        with self.references.workshop.database.read_transaction(tenant=tenant) as tx:
            row = tx.one(tables.characters, tables.characters.c.id == character_id)
        return None if row is None else mappers.character(row)

    def _judge(self, tenant: str, name: str, file: ReferenceInput) -> tuple[StageResult, ...]:
        stages = self.references.workshop.stages
        words = stages.prompt.screen({"name": name}, tenant=tenant)
        if words.verdict.action is Action.BLOCK:
            return (words,)
        with self.references.workshop.heavy_slots:
            clip = stages.reference.judge_files(
                (file,), tenant=tenant, prior=words.findings, texts={"name": name}
            )
        if words.verdict.action.severity > clip.verdict.action.severity:
            return (clip, words)
        return (words, clip)
