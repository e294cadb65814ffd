"""Photos that were taken before their album's owner was born: scans of one's parents, of one's school class.

Whoever is seen there is not the owner. Apparent age tells less: probes err by years, and people look as they look, so
it stays evidence (`evidence.age_agreement`); a date before birth is impossible.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from profiling.albums import Albums, Flags, Floats, Ints, find, integers, numbers

TRUSTED = 0.8  # confidence in a birth year; below it a false year would hide the owner's own photos
SLACK = 5.0  # years a trusted birth year may still be off: people.trusted_gap believes a stated year that far


def taken_before_birth(albums: Albums, people: pa.Table) -> Flags:
    """Photos that are older than the owner, bool [photos]; False where the date or the birth year is not known."""
    born = about_users(albums.user_id, people, "birth_year")
    trust = about_users(albums.user_id, people, "birth_year_confidence")
    sure = np.where(trust >= TRUSTED, born, np.nan)
    return np.asarray(albums.photo_year < sure[albums.photo_user] - SLACK)


def about_users(users: Ints, people: pa.Table, column: str) -> Floats:
    """A column of table ``people`` for some users, float64; NaN = not known."""
    order = np.argsort(integers(people["user_id"]), kind="stable")
    place, known = find(users, integers(people["user_id"])[order])
    values = numbers(people[column])[order]
    return np.where(known, values[place] if len(values) else np.nan, np.nan)
