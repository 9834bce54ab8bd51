"""Records that Safelight stopped a canary: in the audit log, and as an event for webhooks and mails."""

from __future__ import annotations

from safelight.store.transaction import Transaction

#: The topic of the messages in the outbox.
TOPIC = "canary.stopped"


def record_stop(
    tx: Transaction, canary_id: str, *, generator: str, model: str, reason: str, was_on: bool
) -> None:
    """Record the stop of a canary that was read with a lock. One that sent nothing any more has no event."""
    content = {"reason": reason, "generator": generator, "model": model}
    tx.append_audit(TOPIC, subject=canary_id, actor="canaries", content=content)
    if was_on:
        # Without the prompt: webhooks and mails leave the installation.
        body = {"id": canary_id, "provider": generator, "model": model, "reason": reason}
        tx.publish(TOPIC, subject=canary_id, body=body)
