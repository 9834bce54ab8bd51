"""The registry of delivered files: their seals, fingerprints, and checks of origin for strangers."""

from .checks import ANSWER_AFTER_S, MAX_CHECKS_PER_DAY, CheckLimit, ProvenanceCheck, ProvenanceChecks
from .feedback import KEEP_DAYS, MAX_TEXT_CHARACTERS, CheckFeedback, NewFeedback
from .fingerprints import FingerprintStore, add_fingerprint, remove_fingerprints
from .late_timestamps import LateTimestamps
from .seals import Registry, erase_manifests, is_intact, stored_facts

__all__ = [
    "ANSWER_AFTER_S",
    "KEEP_DAYS",
    "MAX_CHECKS_PER_DAY",
    "MAX_TEXT_CHARACTERS",
    "CheckFeedback",
    "CheckLimit",
    "FingerprintStore",
    "LateTimestamps",
    "NewFeedback",
    "ProvenanceCheck",
    "ProvenanceChecks",
    "Registry",
    "add_fingerprint",
    "erase_manifests",
    "is_intact",
    "remove_fingerprints",
    "stored_facts",
]
