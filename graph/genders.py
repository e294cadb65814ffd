"""Gender from names, learned from the population's own stated genders: first names, last names and their endings.

Nothing is assumed about language or script: "Petrova" says woman because those who are called so say it of
themselves, and an ending speaks for the names that the table has not met.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

KINDS = ("first", "last", "first_ending", "last_ending")
ENDINGS = (3, 2)  # letters, the longer first: -ova against -nov, -va against -ov
LEAST_USERS = 3  # users who bear a name before it is kept: a table of rare names would list people
SMOOTHING = 1.0  # users of each gender, in the population's proportion, added to every name's count
STATED_TRUE = 0.98  # of stated genders; an assumption, no population here holds lies about gender to measure it on
VERSION = 1  # of the JSON layout

Names: TypeAlias = pa.Array | pa.ChunkedArray
Count = tuple[int, int]  # women, men


@dataclass(frozen=True)
class NameCounts:
    """How often women and men bear each name, in one bucket or in a population.

    `users` counts users with a stated gender, `names` for each of KINDS the bearers of each name.
    """

    users: Count
    names: Mapping[str, Mapping[str, Count]]


def count_names(first: Names, last: Names, gender: Names) -> NameCounts:
    """Count names and endings of users whose gender ("female", "male") is stated; nulls count nowhere.

    Parameters
    ----------
    first, last, gender : string arrays [n] of the same users.
    """
    stated = np.asarray(pc.fill_null(pc.index_in(gender, value_set=pa.array(["female", "male"])), -1))
    names: dict[str, dict[str, Count]] = {kind: {} for kind in KINDS}
    for kind, column in (("first", first), ("last", last)):
        codes, distinct = _encode(column)
        women, men = (np.bincount(codes[stated == who], minlength=len(distinct) + 1) for who in (0, 1))
        for name, w, m in zip(map(_spell, distinct), women.tolist(), men.tolist(), strict=False):
            if name and w + m:
                _add_to(names[kind], {name: (w, m)})
                _add_to(names[f"{kind}_ending"], dict.fromkeys(_endings(name), (w, m)))
    return NameCounts((int(np.sum(stated == 0)), int(np.sum(stated == 1))), names)


@dataclass(frozen=True)
class NameTable:
    """What each name says about gender.

    Attributes
    ----------
    counts : names borne by at least `least_users` users with a stated gender, and all these users.
    """

    counts: NameCounts
    least_users: int = LEAST_USERS
    _odds: Mapping[str, Mapping[str, float]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        odds: dict[str, dict[str, float]] = {}
        for kind, names in self.counts.names.items():
            bearers = np.array(list(names.values()), float).reshape(-1, 2) + SMOOTHING * 2 * self._shares
            said = np.log(bearers[:, 0] / bearers[:, 1]) - np.log(self._shares[0] / self._shares[1])
            odds[kind] = dict(zip(names, said.tolist(), strict=True))
        object.__setattr__(self, "_odds", odds)

    @property
    def _shares(self) -> npt.NDArray[np.float64]:
        """Women and men of the population as shares, never 0."""
        users = np.array(self.counts.users, float) + 1
        shares: npt.NDArray[np.float64] = users / users.sum()
        return shares

    @classmethod
    def of_counts(cls, parts: Iterable[NameCounts], least_users: int = LEAST_USERS) -> NameTable:
        """The table of a whole population from the counts of its buckets, in any order."""
        users: Count = (0, 0)
        names: dict[str, dict[str, Count]] = {kind: {} for kind in KINDS}
        for part in parts:
            users = _sum(users, part.users)
            for kind in KINDS:
                _add_to(names[kind], part.names[kind])
        kept = {
            kind: {name: count for name, count in sorted(names[kind].items()) if sum(count) >= least_users}
            for kind in KINDS
        }
        return cls(NameCounts(users, kept), least_users)

    @classmethod
    def fit(cls, first: Names, last: Names, gender: Names, least_users: int = LEAST_USERS) -> NameTable:
        """The table of users that fit in memory: see `count_names` and `of_counts` for more."""
        return cls.of_counts([count_names(first, last, gender)], least_users)

    @property
    def id(self) -> str:
        """16 hexadecimal digits that name the content."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def estimate(self, first: Names, last: Names) -> npt.NDArray[np.float32]:
        """The probability that each user is a woman: float32 [n], 0 to 1, NaN where no name says anything.

        First and last name are weighed as independent evidence on top of the population's proportion; a name that
        the table does not hold is judged by its first word, then by its ending.

        Parameters
        ----------
        first, last : string arrays [n]; null = not given.
        """
        speaks = np.stack([self._evidence("first", first), self._evidence("last", last)])
        odds = np.log(self._shares[0] / self._shares[1]) + np.nansum(speaks, axis=0)
        return np.where(np.isnan(speaks).all(axis=0), np.nan, 1 / (1 + np.exp(-odds))).astype(np.float32)

    def _evidence(self, kind: str, names: Names) -> npt.NDArray[np.float64]:
        """Log-odds of each name, NaN where unknown; every distinct name is looked up once."""
        codes, distinct = _encode(names)
        found = np.array([*(self._log_odds(kind, _spell(name)) for name in distinct), np.nan])
        return found[codes]

    def _log_odds(self, kind: str, name: str) -> float:
        whole, endings = self._odds[kind], self._odds[f"{kind}_ending"]
        for candidate in (name, name.split(" ")[0]):
            if candidate in whole:
                return whole[candidate]
        return next((endings[ending] for ending in _endings(name) if ending in endings), float("nan"))

    def to_json(self) -> str:
        """Counts as JSON, keys sorted: the same population gives the same bytes."""
        content = {
            "version": VERSION,
            "least_users": self.least_users,
            "users": self.counts.users,
            "names": self.counts.names,
        }
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> NameTable:
        """The inverse of `to_json`.

        Raises
        ------
        ValueError
            Text that is no name table of this layout.
        """
        try:
            content = json.loads(text)
            if content["version"] != VERSION:
                raise ValueError(f"version {content['version']}, this program reads {VERSION}")
            names = {
                kind: {str(name): (int(w), int(m)) for name, (w, m) in content["names"][kind].items()} for kind in KINDS
            }
            women, men = content["users"]
            return cls(NameCounts((int(women), int(men)), names), int(content["least_users"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"not a name table ({error}); a full rebuild writes a new one") from None


def hear_statements(by_name: npt.NDArray[np.float32], gender: Names) -> npt.NDArray[np.float32]:
    """The probability of a woman when stated genders are heard besides the names: float32 [n], NaN unknown.

    A statement is strong evidence but no proof: "male" of an Anna Petrova leaves a doubt, of an Ivan none.

    Parameters
    ----------
    by_name : float32 [n], as `NameTable.estimate` gives it; NaN counts as a half where a gender is stated.
    gender : string array [n], "female", "male" or null.
    """
    stated = np.asarray(pc.fill_null(pc.index_in(gender, value_set=pa.array(["female", "male"])), -1))
    before = np.where(np.isnan(by_name), 0.5, by_name).astype(np.float64)
    says_woman = np.where(stated == 0, STATED_TRUE, 1 - STATED_TRUE)
    woman, man = before * says_woman, (1 - before) * (1 - says_woman)
    return np.where(stated >= 0, woman / (woman + man), by_name).astype(np.float32)


def _spell(name: str) -> str:
    """One spelling for one name: compatible forms, case and spaces folded."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def _encode(names: Names) -> tuple[npt.NDArray[np.int64], list[str]]:
    """A code for each name and the distinct names; null is coded as their number."""
    encoded = (
        names.combine_chunks().dictionary_encode() if isinstance(names, pa.ChunkedArray) else names.dictionary_encode()
    )
    distinct: list[str] = encoded.dictionary.to_pylist()
    return np.asarray(pc.fill_null(encoded.indices, len(distinct))).astype(np.int64), distinct


def _add_to(total: dict[str, Count], more: Mapping[str, Count]) -> None:
    for name, count in more.items():
        total[name] = _sum(total.get(name, (0, 0)), count)


def _sum(a: Count, b: Count) -> Count:
    return a[0] + b[0], a[1] + b[1]


def _endings(name: str) -> list[str]:
    return [name[-letters:] for letters in ENDINGS if len(name) > letters]
