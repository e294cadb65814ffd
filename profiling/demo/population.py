"""Draw the demo population: a folder with users, photos, tags, friendships and truth that nobody has to own or fetch.

The folder follows the input contract (README, "The population folder") and carries the truth that `kith evaluate`
reads. The same seed writes the same bytes, as long as NumPy, Pillow and PyArrow stay the same versions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from profiling.demo.cast import MEMBERS, Member, list_friendships, list_people, person_ids, stranger_ids
from profiling.demo.records import make_tables
from profiling.demo.scenes import plan_albums, plan_uploads
from profiling.demo.shots import draw_shots
from profiling.demo.tagging import draw_tags
from profiling.errors import PopulationError

FEWEST = 6  # users: fewer have no circle of friends to speak of
DEFAULT_SEED = 7
PHOTO_STREAM, UPLOAD_STREAM = 4, 5  # random streams of the seed
TABLES = ("truth/users", "truth/faces", "truth/uploads", "photos", "tags", "friendships", "users")  # in order written


def draw_population(
    folder: Path,
    users: int = len(MEMBERS),
    seed: int = DEFAULT_SEED,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write a population of drawn people: photos first, tables last, `users.parquet` at the very end.

    Parameters
    ----------
    folder : made when missing; files of an older demo in it are overwritten.
    users : members to draw, 6 to 18; a smaller demo leaves out the least telling albums first.
    seed : of the albums, tags and photos; the people are always the same.
    progress : called after every photo with the photos drawn so far and in all.

    Returns
    -------
    Numbers of `users`, `photos`, `faces`, `tags`, `friendships` and `uploads`.

    Raises
    ------
    PopulationError
        When `users` is out of range or the folder cannot be written.
    """
    if not FEWEST <= users <= len(MEMBERS):
        raise PopulationError(f"a demo has {FEWEST} to {len(MEMBERS)} users, not {users}; choose a number between")
    try:
        return _draw(folder, MEMBERS[:users], seed, progress or _silent)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PopulationError(f"{folder}: cannot be written ({reason}); choose another folder") from None


def _silent(_done: int, _total: int) -> None:
    pass


def _draw(folder: Path, members: Sequence[Member], seed: int, progress: Callable[[int, int], None]) -> dict[str, int]:
    pairs, people, owners = list_friendships(members), list_people(members), person_ids(members)
    friends, strangers = _friends(members, pairs), stranger_ids(members)
    albums = plan_albums(members, friends, owners, strangers, seed)
    sent = plan_uploads(members, friends, strangers, seed)
    for name in ("images", "truth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    drawn, total = len(albums), len(albums) + len(sent)
    shots = draw_shots(folder, "{:07d}", albums, people, (seed, PHOTO_STREAM), lambda done: progress(done, total))
    uploads = draw_shots(
        folder, "upload-{:06d}", sent, people, (seed, UPLOAD_STREAM), lambda done: progress(drawn + done, total)
    )
    tags = draw_tags(albums, [shot.boxes for shot in shots], friends, seed)
    tables = make_tables(members, owners, pairs, shots, uploads, tags)
    for name in TABLES:
        pq.write_table(tables[name], folder / f"{name}.parquet")
    paths = ("users", "photos", "truth/faces", "tags", "friendships", "truth/uploads")
    return {path.removeprefix("truth/"): tables[path].num_rows for path in paths}


def _friends(members: Sequence[Member], pairs: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    both = sorted([*pairs, *((b, a) for a, b in pairs)])
    return {member.user_id: [b for a, b in both if a == member.user_id] for member in members}
