"""Edit distance between two words, for words that OCR may have misread."""

from __future__ import annotations


def edit_distance(one: str, other: str, limit: int) -> int | None:
    """Number of inserted, removed and replaced letters between two words; None if it is more than `limit`."""
    if one == other:
        return 0
    if limit == 0 or abs(len(one) - len(other)) > limit:
        return None
    row = list(range(len(other) + 1))
    for row_number, left in enumerate(one, start=1):
        diagonal, row[0] = row[0], row_number
        for place, right in enumerate(other, start=1):
            diagonal, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, diagonal + (left != right)),
            )
        if min(row) > limit:
            return None
    return row[-1] if row[-1] <= limit else None
