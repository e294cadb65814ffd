"""What reposted photos cost: precision and coverage with and without them.

    python benchmarks/reposts.py POPULATION LAKE [--same] [--split all] [--set NAME=VALUE …] [--keep FOLDER]

Disturbs a copy of the population: every fifth user (by hash) gets three copies of a stranger's photo, of a person who
is neither the owner nor a friend, and five copies of the user's own avatar. Copies are saved again as people's tools
do: JPEG quality 60 to 90, scale .5 to .9, cropped by up to 2 %. With --same all of them get the same stranger. LAKE
holds a build of the population; it is copied, so that only the copies have to be embedded.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image
from rich.console import Console
from rich.table import Table

from profiling.hashing import splitmix64

ONE_OF = 5  # users
STRANGER_COPIES, AVATAR_COPIES = 3, 5
QUALITY, SCALE, CROP = (60, 91), (0.5, 0.9), 0.02  # of JPEG; of a side; share of a side cut off at each edge, at most
SEED = 20
METRICS = ("coverage", "precision", "leader_accuracy")


@dataclass(frozen=True)
class Truth:
    """Whom the photos of a population show."""

    photos: pa.Table
    persons: dict[int, list[int]]  # by photo_id
    friends: dict[int, set[int]]
    own: dict[int, set[int]]  # persons of each account

    @classmethod
    def read(cls, population: Path) -> Truth:
        """Read a population folder with truth."""
        photos = pq.read_table(population / "photos.parquet").sort_by("photo_id")
        faces = pq.read_table(population / "truth" / "faces.parquet")
        persons: dict[int, list[int]] = {}
        for photo, person in zip(faces["photo_id"].to_pylist(), faces["person_id"].to_pylist(), strict=True):
            persons.setdefault(photo, []).append(person)
        friends: dict[int, set[int]] = {}
        pairs = pq.read_table(population / "friendships.parquet")
        for one, other in zip(pairs["user_a"].to_pylist(), pairs["user_b"].to_pylist(), strict=True):
            friends.setdefault(one, set()).add(other)
            friends.setdefault(other, set()).add(one)
        users = pq.read_table(population / "truth" / "users.parquet").to_pylist()
        return cls(photos, persons, friends, {row["user_id"]: set(row["person_ids"]) for row in users})

    def portraits(self) -> list[tuple[int, int]]:
        """Photos of one person alone: photo_id, person."""
        return [(photo, persons[0]) for photo, persons in sorted(self.persons.items()) if len(persons) == 1]

    def avatar(self, user: int) -> int | None:
        """A profile picture of the user that shows them, or else a portrait of them; None without either."""
        mine = self.photos.filter(pc.equal(self.photos["owner_id"], user))
        shown = [row for row in mine.to_pylist() if self.own[user] & set(self.persons.get(row["photo_id"], []))]
        shown.sort(key=lambda row: (not row["was_avatar"], len(self.persons[row["photo_id"]]), row["photo_id"]))
        return shown[0]["photo_id"] if shown else None

    def strangers(self, user: int) -> list[int]:
        """Portraits of people who are nobody in the user's album, nor the owner, nor a friend."""
        album = self.photos.filter(pc.equal(self.photos["owner_id"], user))["photo_id"].to_pylist()
        near = {person for photo in album for person in self.persons.get(photo, [])}
        near |= self.own[user] | self.friends.get(user, set())
        return [photo for photo, person in self.portraits() if person not in near]


def disturbed_users(users: npt.NDArray[np.int64]) -> list[int]:
    """Every fifth user, by hash of the id."""
    chosen: list[int] = np.sort(users[splitmix64(users) % np.uint64(ONE_OF) == 0]).tolist()
    return chosen


def disturb(population: Path, out: Path, same: bool) -> int:
    """Write a copy of a population with reposted photos; returns how many photos were added."""
    shutil.copytree(population, out)
    (out / "reposts").mkdir()
    truth, rng = Truth.read(population), np.random.default_rng(SEED)
    by_id = {row["photo_id"]: row for row in truth.photos.to_pylist()}
    users = disturbed_users(np.array(sorted(truth.own), np.int64))
    star = int(rng.choice([photo for photo, person in truth.portraits() if person < 0])) if same else None
    added: list[dict[str, Any]] = []
    for user in users:
        stranger = star if star is not None else int(rng.choice(truth.strangers(user)))
        for source, copies in ((stranger, STRANGER_COPIES), (truth.avatar(user), AVATAR_COPIES)):
            for _ in range(copies if source is not None else 0):
                row = dict(by_id[source or 0])
                uri = f"reposts/{len(added):06d}.jpg"
                width, height = save_again(population / row["uri"], out / uri, rng)
                row |= {"photo_id": max(by_id) + 1 + len(added), "owner_id": user, "uri": uri, "camera": None}
                row |= {"width": width, "height": height, "was_avatar": source != stranger}
                added.append(row)
    rows = pa.Table.from_pylist(added, schema=truth.photos.schema)
    pq.write_table(pa.concat_tables([truth.photos, rows]), out / "photos.parquet")
    return len(added)


def save_again(source: Path, target: Path, rng: np.random.Generator) -> tuple[int, int]:
    """Save a photo cropped a little, scaled and compressed; returns its size."""
    with Image.open(source) as photo:
        width, height = photo.size
        left, top, right, bottom = rng.uniform(0, CROP, 4) * (width, height, width, height)
        cut = photo.convert("RGB").crop((round(left), round(top), round(width - right), round(height - bottom)))
    scale = rng.uniform(*SCALE)
    small = cut.resize((max(1, round(cut.width * scale)), max(1, round(cut.height * scale))), Image.Resampling.LANCZOS)
    small.save(target, quality=int(rng.integers(*QUALITY)))
    return small.size


def measure(population: Path, lake: Path, split: str, changes: list[str]) -> dict[str, dict[str, float]]:
    """Build and evaluate; uploads are left out, they take longer than all the rest and tell nothing here."""
    kith = [sys.executable, "-m", "ray_tasks"]
    settings = [part for change in changes for part in ("--set", change)]
    subprocess.run([*kith, "build", str(population), "--lake", str(lake), *settings], check=True, stdout=sys.stderr)
    with tempfile.TemporaryDirectory() as truth:
        for name in ("users", "faces"):
            shutil.copy(population / "truth" / f"{name}.parquet", truth)
        asked = [*kith, "evaluate", str(lake), "--truth", truth, "--split", split, "--json"]
        return dict(json.loads(subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout))


def main() -> None:
    """Disturb, build both, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("population", type=Path)
    parser.add_argument("lake", type=Path)
    parser.add_argument("--same", action="store_true", help="all get the same stranger")
    parser.add_argument("--split", default="all", help="users of train, test or all")
    parser.add_argument("--set", action="append", default=[], dest="changes", metavar="NAME=VALUE")
    parser.add_argument("--keep", type=Path, help="where the copies go; without it they are deleted")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        photos = disturb(given.population, folder / "population", given.same)
        for name in ("before", "after"):
            shutil.copytree(given.lake, folder / name)
        before = measure(given.population, folder / "before", given.split, given.changes)
        after = measure(folder / "population", folder / "after", given.split, given.changes)
    table = Table("", "as it was", f"{photos} reposts", "change, points")
    for name in METRICS:
        one, other = before[name]["value"], after[name]["value"]
        table.add_row(name, f"{one:.4f}", f"{other:.4f}", f"{100 * (other - one):+.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
