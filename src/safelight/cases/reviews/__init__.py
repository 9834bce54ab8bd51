"""Cases that a reviewer has to decide, and the decisions."""

from .executor import DecisionExecutor
from .queue import ReviewQueue
from .service import Reviews

__all__ = [
    "DecisionExecutor",
    "ReviewQueue",
    "Reviews",
]
