"""`kith import`: from a folder with one subfolder of photos a user to the tables of a population."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from profiling.errors import PopulationError
from profiling.importing.albums import LISTS, Albums, find_albums
from profiling.importing.lists import Tag, User, Users, read_friends, read_tags, read_users
from profiling.tables import POPULATION

MARK = {b"kith": b"imported"}  # in the files' metadata: only tables that an import wrote are written over


def import_folder(folder: Path, out: Path) -> dict[str, Any]:
    """Write the population of a folder of photos; pixels are neither decoded nor copied.

    Photos are named by the absolute path of the original: the population may be moved, the photos may not. Ids come
    from names (of the folder; of the photo's path), so importing again after a change gives a new snapshot of the same
    population. `version` is the file's time of change.

    Parameters
    ----------
    folder : one subfolder a user, deeper ones belong to the same album; beside them optionally `users.csv`,
        `friends.csv` and `tags.csv` (see `lists`).
    out : where `users`, `photos`, `tags` and `friendships.parquet` go; made when missing.

    Returns
    -------
    counts : users, photos, tags, friendships, and `skipped` (files that are no photos, by reason).

    Raises
    ------
    PopulationError
        One line: nothing to import, a broken list, or an `out` that must not be written over.
    """
    _check_places(folder, out)
    albums = find_albums(folder)
    users_csv, friends_csv, tags_csv = (folder / name for name in LISTS)
    users = read_users(users_csv, albums)
    if not users.by_id:
        raise PopulationError(f"{folder}: holds no subfolders; put each user's photos into a folder of their own")
    _check_ids(users, albums)
    friends = read_friends(friends_csv, users)
    tags = read_tags(tags_csv, users, albums)
    rows = {
        "users": [_user_row(user) for _, user in sorted(users.by_id.items())],
        "photos": sorted(_photo_rows(albums, users), key=lambda row: row["photo_id"]),
        "tags": [_tag_row(tag) for tag in sorted(tags, key=lambda tag: (tag.photo_id, tag.user_id))],
        "friendships": [{"user_a": one, "user_b": other} for one, other in sorted(friends)],
    }
    _write(out, rows)
    return {**{table: len(found) for table, found in rows.items()}, "skipped": dict(sorted(albums.skipped.items()))}


def _check_places(folder: Path, out: Path) -> None:
    photos, population = Path(os.path.realpath(folder)), Path(os.path.realpath(out))
    if population == photos or photos in population.parents:
        raise PopulationError(f"{out}: lies in the folder of photos and would be taken for a user; give another --out")
    for table in POPULATION:
        path = out / f"{table}.parquet"
        if path.is_dir() or (path.exists() and not _is_ours(path)):
            raise PopulationError(f"{path}: was not written by kith import; give another --out")


def _is_ours(path: Path) -> bool:
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError):
        return False
    return all(metadata.get(key) == value for key, value in MARK.items())


def _check_ids(users: Users, albums: Albums) -> None:
    if len(users.by_id) < len(users.by_name):
        names = [user.folder for user in users.by_name.values() if users.by_id[user.user_id] is not user]
        raise PopulationError(f"user {names[0]!r}: its id is that of another user; give it a user_id in users.csv")
    if len({photo.photo_id for photo in albums.photos.values()}) < len(albums.photos):
        raise PopulationError("two photos have one id by chance; rename one of them")  # once in 10**13 folders


def _user_row(user: User) -> dict[str, Any]:
    return {column.name: getattr(user, column.name) for column in POPULATION["users"]}


def _photo_rows(albums: Albums, users: Users) -> list[dict[str, Any]]:
    owner = {folder: users.by_name[key].user_id for key, folder in albums.names.items()}
    return [
        {
            "photo_id": photo.photo_id,
            "owner_id": owner[photo.album],
            "uri": photo.uri,
            "width": photo.header.width,
            "height": photo.header.height,
            "camera": photo.header.camera,
            "taken_at": photo.header.taken_at,
            "version": photo.version,
        }
        for photo in albums.photos.values()
    ]


def _tag_row(tag: Tag) -> dict[str, Any]:
    x, y, w, h = tag.box
    return {"photo_id": tag.photo_id, "user_id": tag.user_id, "x": x, "y": y, "w": w, "h": h, "source": tag.source}


def _write(out: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Write all tables beside their places first, so that a kill leaves no half of one."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for table, found in rows.items():
            schema = pa.schema([(column.name, column.type) for column in POPULATION[table]], metadata=MARK)
            pq.write_table(
                pa.Table.from_pylist(found, schema=schema), out / f".{table}.parquet.new", compression="zstd"
            )
        for table in rows:
            os.replace(out / f".{table}.parquet.new", out / f"{table}.parquet")
    except OSError as error:
        raise PopulationError(f"{out}: cannot be written ({error.strerror}); give another --out") from None
