"""Adds, lists, switches and removes canaries. Every change is in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.providers.protocol import Generator
from safelight.store.database import Database, Transaction
from safelight.store.tables import canaries, library_entries
from safelight_client.money import format_money, usd

from .models import MIN_PASSES, Canary, CanaryReport, CanaryState, NewCanary, PriceSource, StopReason
from .offer import CanaryOffer, find_offer, offered_models
from .schedule import MAX_PER_DAY
from .store import (
    PromptProof,
    canary_from_row,
    find_canary,
    has_room,
    read_charged,
    read_proof,
    reason_against_entry,
    report_on,
    same_prompt,
)

#: Most canaries of a tenant: the page and the background part read all of them.
MAX_CANARIES = 50


@dataclass(frozen=True, kw_only=True)
class Canaries:
    """The canaries of all tenants. Changes need the scope `admin`, what spends money `videos:write` too."""

    database: Database
    generators: Mapping[str, Generator]
    #: The most that all canaries of one tenant may cost in 31 days.
    tenant_micros: int

    def list(self, principal: Principal) -> tuple[CanaryReport, ...]:
        """The canaries of the tenant, oldest first."""
        principal.require(KeyScope.VIDEOS_READ)
        of = canaries.c
        with self.database.read_transaction(principal.tenant) as tx:
            rows = tx.select(canaries, of.removed_at.is_(None), order_by=(of.created_at, of.id))
            return tuple(report_on(tx, canary_from_row(row)) for row in rows)

    def get(self, principal: Principal, canary_id: str) -> CanaryReport:
        principal.require(KeyScope.VIDEOS_READ)
        with self.database.read_transaction(principal.tenant) as tx:
            return report_on(tx, _find(tx, canary_id))

    def add(self, principal: Principal, new: NewCanary) -> CanaryReport:
        """Add a canary, switched off.

        Raises `InvalidField` for a price that is not known, and `Conflict` for a prompt that has not always
        passed at this model.
        """
        _require_spender(principal)
        if not 1 <= new.per_day <= MAX_PER_DAY:
            raise InvalidField(f"`per_day` must be a number from 1 to {MAX_PER_DAY}.", param="per_day")
        offer = find_offer(self.generators, new.model)
        price, source = _agree_price(offer, new.price_micros)
        if new.ceiling_micros < price:
            raise InvalidField(
                f"One call costs {format_money(usd(price))}, more than the ceiling of a month.",
                param="max_usd_per_month",
            )
        if new.ceiling_micros > self.tenant_micros:
            raise InvalidField(
                f"The canaries of an account may cost {format_money(usd(self.tenant_micros))} in 31 days "
                "here.",
                param="max_usd_per_month",
                remedy="The operator can change canaries.max_usd_per_month.",
            )
        with self.database.transaction(principal.tenant) as tx:
            entry = tx.one(library_entries, library_entries.c.id == new.entry_id)
            if entry is None:
                raise NotFound(f"There is no library entry {new.entry_id[:80]!r}.", param="entry_id")
            if tx.count(canaries, canaries.c.removed_at.is_(None)) >= MAX_CANARIES:
                raise Conflict(f"There are {MAX_CANARIES} canaries already. Remove one first.")
            proof = self._require_proof(tx, entry.id, offer)
            _require_price(tx, entry.id, offer, price)
            identity = new_id("canary")
            added = tx.insert_or_ignore(
                canaries,
                id=identity,
                entry_id=entry.id,
                prompt=entry.prompt,
                generator=offer.generator,
                model=offer.model,
                per_day=new.per_day,
                ceiling_micros=new.ceiling_micros,
                price_micros=price,
                price_source=source.value,
                passes=proof.passes,
                passed_since=proof.since,
                state=CanaryState.OFF.value,
                created_at=tx.now(),
                created_by=principal.id,
                switched_at=tx.now(),
            )
            if not added:
                raise Conflict("This prompt is a canary of this model already.", param="entry_id")
            canary = _find(tx, identity)
            _record(tx, "canary.added", canary, principal)
            return report_on(tx, canary)

    def switch_on(self, principal: Principal, canary_id: str, *, month_micros: int) -> CanaryReport:
        """Switch a canary on, if a month costs at most `month_micros`, the price that was shown.

        Raises `Conflict` if it costs more, or if the prompt has not always passed.
        """
        _require_spender(principal)
        with self.database.transaction(principal.tenant) as tx:
            canary = _find(tx, canary_id, lock=True)
            try:
                offer = find_offer(self.generators, canary.model)
            except InvalidField as error:
                raise Conflict(error.message) from error
            if offer.generator != canary.generator:
                raise Conflict(f"{canary.model} is now a model of {offer.generator}. Add a new canary.")
            if reason_against_price(canary, offer) is not None:
                raise Conflict("The price has changed since the canary was added. Add a new one.")
            if canary.month_micros > month_micros:
                raise Conflict(
                    f"A month costs {format_money(usd(canary.month_micros))}. Nothing was switched on.",
                    param="usd_per_month",
                )
            self._require_proof(tx, canary.entry_id, offer)
            _require_price(tx, canary.entry_id, offer, canary.price_micros)
            if canary.state is not CanaryState.ON:
                _switch(tx, canary, CanaryState.ON)
                _record(tx, "canary.switched_on", canary, principal)
            return report_on(tx, _find(tx, canary_id))

    def switch_off(self, principal: Principal, canary_id: str) -> CanaryReport:
        """Send nothing more. A call that runs goes on."""
        principal.require(KeyScope.ADMIN)
        with self.database.transaction(principal.tenant) as tx:
            canary = _find(tx, canary_id, lock=True)
            if canary.state is not CanaryState.OFF:
                _switch(tx, canary, CanaryState.OFF)
                _record(tx, "canary.switched_off", canary, principal)
            return report_on(tx, _find(tx, canary_id))

    def run(self, principal: Principal, canary_id: str) -> CanaryReport:
        """Ask for one call within an hour; a running gateway sends it.

        Raises `Conflict` for a canary that is not switched on, or whose ceiling has no room. Until the call
        was sent, further requests change nothing.
        """
        _require_spender(principal)
        with self.database.transaction(principal.tenant) as tx:
            canary = _find(tx, canary_id, lock=True)
            if canary.state is not CanaryState.ON:
                raise Conflict("This canary is not switched on. Nothing is sent.")
            if not has_room(tx, canary, tenant_micros=self.tenant_micros):
                raise Conflict("One more call would exceed a ceiling of 31 days. Nothing is sent.")
            if not canary.is_run_requested(tx.now()):
                tx.update(canaries, canaries.c.id == canary.id, run_requested_at=tx.now())
                _record(tx, "canary.run_requested", canary, principal)
            return report_on(tx, _find(tx, canary_id))

    def remove(self, principal: Principal, canary_id: str) -> None:
        """Remove a canary with its prompt. Its calls stay among the attempts, because they cost money."""
        principal.require(KeyScope.ADMIN)
        with self.database.transaction(principal.tenant) as tx:
            canary = _find(tx, canary_id, lock=True)
            of = canaries.c
            tx.update(
                canaries,
                of.id == canary.id,
                removed_at=tx.now(),
                state=CanaryState.OFF.value,
                reason=None,
                prompt=None,
                run_requested_at=None,
            )
            _record(tx, "canary.removed", canary, principal)

    def _require_proof(self, tx: Transaction, entry_id: str, offer: CanaryOffer) -> PromptProof:
        against = reason_against_entry(tx, entry_id, offered_models(self.generators))
        if against is StopReason.ENTRY_REMOVED:
            raise Conflict("The entry was removed from the library.", param="entry_id")
        if against is not None:
            raise Conflict("The entry of the library needs to be validated again.", param="entry_id")
        proof = read_proof(tx, entry_id, offer.generator, offer.model)
        if proof.passes < MIN_PASSES or proof.refusals:
            raise Conflict(
                f"Only a prompt that passed {MIN_PASSES} times and was never refused can be a canary. At "
                f"{offer.model} this one passed {proof.passes} times and was refused {proof.refusals} times.",
                param="entry_id",
            )
        return proof


def reason_against_price(canary: Canary, offer: CanaryOffer) -> StopReason | None:
    """Whether a call now costs more than was agreed, or its configured price is not known any more."""
    if offer.price_micros is None:
        return None if canary.price_source is PriceSource.STATED else StopReason.PRICE
    return StopReason.PRICE if offer.price_micros > canary.price_micros else None


def _require_spender(principal: Principal) -> None:
    """A canary sends requests for videos, so it needs what they need."""
    principal.require(KeyScope.ADMIN)
    principal.require(KeyScope.VIDEOS_WRITE)


def _require_price(tx: Transaction, entry_id: str, offer: CanaryOffer, price_micros: int) -> None:
    """Raise `Conflict` if the provider charged more for this prompt in the last 31 days."""
    charged = read_charged(tx, same_prompt(tx, entry_id, offer.generator, offer.model))
    if charged.in_other_currency:
        raise Conflict("The provider charges in another currency, so no ceiling in US dollars can be kept.")
    if charged.highest_micros > price_micros:
        raise Conflict(
            f"The provider charged {format_money(usd(charged.highest_micros))} for one call, more than "
            "its price. Correct the price, and add a new canary."
        )


def _agree_price(offer: CanaryOffer, stated: int | None) -> tuple[int, PriceSource]:
    if offer.price_micros is None:
        if stated is None:
            raise InvalidField(
                f"The price of {offer.seconds} s of {offer.model} is not known.",
                param="usd_per_call",
                remedy="Give the price of one call, or set usd_per_second of the upstream.",
            )
        return stated, PriceSource.STATED
    if stated is not None:
        raise InvalidField(
            f"{offer.seconds} s of {offer.model} cost {format_money(usd(offer.price_micros))} by the "
            "settings.",
            param="usd_per_call",
            remedy="Leave out the price of one call.",
        )
    return offer.price_micros, PriceSource.CONFIGURED


def _find(tx: Transaction, canary_id: str, *, lock: bool = False) -> Canary:
    found = find_canary(tx, canary_id, lock=lock)
    if found is None:
        raise NotFound(f"There is no canary {canary_id[:80]!r}.", param="canary_id")
    return found


def _switch(tx: Transaction, canary: Canary, state: CanaryState) -> None:
    values: dict[str, Any] = {"state": state.value, "reason": None, "switched_at": tx.now()}
    tx.update(canaries, canaries.c.id == canary.id, run_requested_at=None, **values)


def _record(tx: Transaction, event: str, canary: Canary, principal: Principal) -> None:
    content = {
        "entry": canary.entry_id,
        "generator": canary.generator,
        "model": canary.model,
        "per_day": canary.per_day,
        "price_micros": canary.price_micros,
        "ceiling_micros": canary.ceiling_micros,
    }
    tx.append_audit(event, subject=canary.id, actor=principal.id, content=content)
