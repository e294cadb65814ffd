"""The optional lists beside the photos: who the users are, who knows whom, who is on which photo."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from profiling.importing.albums import Albums
from profiling.importing.identity import name_key, stable_id
from profiling.importing.rows import INT64, Row, read_rows
from profiling.tables import GENDERS, TAG_SOURCES

YEARS = range(1000, 10_000)  # birth years have four digits; whether one can be true is checked with the population
CONSENT = {"true": "yes", "yes": "yes", "1": "yes", "false": "no", "no": "no", "0": "no"}
BOX = ("x", "y", "w", "h")


@dataclass(frozen=True)
class User:
    """A row of table `users`, and the folder of the user's photos."""

    user_id: int
    folder: str
    first_name: str | None
    last_name: str | None
    gender: str | None
    birth_year: int | None
    consent: bool


@dataclass(frozen=True)
class Tag:
    """A row of table `tags`."""

    photo_id: int
    user_id: int
    box: tuple[float | None, ...]
    source: str | None


class Users:
    """All users, found by folder name or by id; a folder's name wins over an equal id."""

    def __init__(self, users: Iterable[User]) -> None:
        self.by_name = {name_key(user.folder): user for user in users}
        self.by_id = {user.user_id: user for user in self.by_name.values()}

    def named(self, row: Row, column: str) -> User:
        """The user that a value names; an unknown one stops the import."""
        text = row.needed(column)
        user = self.by_name.get(name_key(text))
        if user is None and text.removeprefix("-").isdecimal():
            user = self.by_id.get(int(text))
        return user or row.refuse(f"no user has the folder or id {text!r}", "correct it or delete the row")


def read_users(file: Path, albums: Albums) -> Users:
    """Users of `users.csv` (folder, and optional user_id, first_name, last_name, gender, birth_year, consent).

    An album that the list does not name is a user as well, whose first and last name are its folder's words. A row
    without a folder on disk is a user without photos. An id that is not given comes from the folder's name.

    Raises
    ------
    PopulationError
        One line with file, row and what is wrong; two users with one folder or id included.
    """
    users: dict[str, User] = {}
    owner_of: dict[int, str] = {}
    for row in read_rows(file, ("folder",), ("user_id", "first_name", "last_name", "gender", "birth_year", "consent")):
        user = _user(row)
        if name_key(user.folder) in users:
            row.refuse(f"folder {user.folder!r} stands twice", "delete one")
        if user.user_id in owner_of:
            row.refuse(f"user_id {user.user_id} is already that of {owner_of[user.user_id]!r}", "give another")
        users[name_key(user.folder)] = user
        owner_of[user.user_id] = user.folder
    for key, folder in albums.names.items():
        users.setdefault(key, _unlisted(folder))
    return Users(users.values())


def read_friends(file: Path, users: Users) -> set[tuple[int, int]]:
    """Friendships of `friends.csv` (user_a, user_b), each once as (smaller id, larger id)."""
    pairs = set()
    for row in read_rows(file, ("user_a", "user_b"), ()):
        one, other = users.named(row, "user_a").user_id, users.named(row, "user_b").user_id
        if one == other:
            row.refuse("both are one user", "correct it or delete the row")
        pairs.add((min(one, other), max(one, other)))
    return pairs


def read_tags(file: Path, users: Users, albums: Albums) -> list[Tag]:
    """Tags of `tags.csv` (photo, user, and optional x, y, w, h, source), in its order, repeated ones once.

    `photo` is a path relative to the imported folder; a tag on a file that was skipped is skipped with it.
    """
    tags: dict[Tag, None] = {}
    for row in read_rows(file, ("photo", "user"), (*BOX, "source")):
        path = row.needed("photo")
        key = _photo_key(path, albums)
        if key in albums.skipped_paths:
            albums.skipped["tag_of_skipped_photo"] += 1
            continue
        if key not in albums.photos:
            row.refuse(f"there is no photo {path!r}", "give its path from the imported folder on, or delete the row")
        source = row.one_of("source", {name: name for name in TAG_SOURCES})
        user = users.named(row, "user")
        tags[Tag(albums.photos[key].photo_id, user.user_id, _box(row), source)] = None
    return list(tags)


def _user(row: Row) -> User:
    folder = row.needed("folder").strip("/\\")
    user_id = row.whole("user_id", INT64)
    return User(
        user_id=stable_id(folder) if user_id is None else user_id,
        folder=folder,
        first_name=row.text("first_name"),
        last_name=row.text("last_name"),
        gender=row.one_of("gender", {name: name for name in GENDERS}),
        birth_year=row.whole("birth_year", YEARS),
        consent=row.one_of("consent", CONSENT) != "no",
    )


def _unlisted(folder: str) -> User:
    first, _, last = folder.replace("_", " ").strip().partition(" ")
    return User(stable_id(folder), folder, first or None, last.strip() or None, None, None, consent=True)


def _photo_key(path: str, albums: Albums) -> str:
    """The path as it stands, else with the other system's separators and without a leading `./`."""
    key = name_key(path)
    if key in albums.photos or key in albums.skipped_paths:
        return key
    return key.replace("\\", "/").removeprefix("./")


def _box(row: Row) -> tuple[float | None, ...]:
    box = tuple(row.number(name) for name in BOX)
    if all(side is None for side in box):
        return box
    for name, side in zip(BOX, box, strict=True):
        if side is None or not 0 <= side <= 1:
            row.refuse(f"{name} is {'empty' if side is None else side}", "x, y, w, h are shares of the photo, 0 to 1")
    return box
