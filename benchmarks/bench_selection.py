"""The best photos of each user by metadata alone, of 10 million photos, against pandas groupby-apply and DuckDB.

    python benchmarks/bench_selection.py [--repeats 5] [--tiny]

All three get the same tables in memory, in their own form (Arrow, a DataFrame, a DuckDB table), and make the same
rows: at most 100 photos a user, at most ten of one hour while others remain, ties to the newer photo, then the larger
id. Albums hold 60 photos in the mean with a heavy tail, a third of them shot in bursts. pandas, which calls a
function for every user, gets the first half percent of the users, and its time is scaled by their photos. One thread on
all sides.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from harness import Case, Side, options, run

from profiling import tables
from profiling.selection import FULL_RESOLUTION, UNKNOWN_RESOLUTION, select_photos
from profiling.settings import SelectionSettings

PHOTOS, PHOTOS_A_USER = 10_000_000, 60
ALBUM_SIGMA, LARGEST_ALBUM = 1.0, 20_000  # of the lognormal number of photos; photos
PANDAS_SHARE = 0.005  # of the users
WANTED = {"pandas": 20.0, "DuckDB": 0.5}
SETTINGS = SelectionSettings()
CAMERAS = np.array(["", "Canon PowerShot A95", "NIKON D70", "SONY DSC-P72", "OLYMPUS C-750"], object)
YEARS = 10 * 365 * 86_400  # seconds that the photos span

QUERY = f"""
WITH good AS (SELECT DISTINCT photo_id FROM tags WHERE coalesce(source, 'manual') <> 'rejected'),
judged AS (
  SELECT owner_id, photo_id, taken_at, (
    {SETTINGS.tagged}::DOUBLE * (good.photo_id IS NOT NULL)::INT
    + {SETTINGS.avatar}::DOUBLE * coalesce(was_avatar, false)::INT
    + {SETTINGS.camera}::DOUBLE * (length(trim(coalesce(camera, ''))) > 0)::INT
    + {SETTINGS.resolution}::DOUBLE * CASE WHEN width::DOUBLE * height > 0
        THEN least(width::DOUBLE * height / {FULL_RESOLUTION}, 1) ELSE {UNKNOWN_RESOLUTION} END)::FLOAT AS quality
  FROM photos LEFT JOIN good USING (photo_id)),
in_hour AS (
  SELECT *, taken_at IS NOT NULL AND {SETTINGS.photos_per_hour} < row_number() OVER (
    PARTITION BY owner_id, date_trunc('hour', taken_at)
    ORDER BY quality DESC, taken_at DESC NULLS LAST, photo_id DESC) AS late
  FROM judged),
ranked AS (
  SELECT owner_id, photo_id, quality, (row_number() OVER (
    PARTITION BY owner_id ORDER BY late, quality DESC, taken_at DESC NULLS LAST, photo_id DESC) - 1)::SMALLINT AS rank
  FROM in_hour)
SELECT * FROM ranked WHERE rank < {SETTINGS.photos_per_user} ORDER BY owner_id, rank
"""  # noqa: S608


def draw_photos(photos: int, seed: int) -> tuple[pa.Table, pa.Table]:
    """Tables ``photos`` (without `uri`, which nobody reads) and ``tags``, sorted as the lake's are."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum(rng.lognormal(0, ALBUM_SIGMA, max(1, photos // PHOTOS_A_USER)), 1e3)
    sizes = np.clip((sizes * photos / sizes.sum()).astype(np.int64), 1, LARGEST_ALBUM)
    owner = np.repeat(np.arange(len(sizes), dtype=np.int64) * 7 + 3, sizes)
    n = len(owner)
    burst = np.repeat(np.arange(n) % 3 == 0, rng.integers(1, 12, n))[:n]  # shot with the photo before
    seconds = rng.integers(0, YEARS, n)
    first = np.maximum.accumulate(np.where(burst, 0, np.arange(n)))
    seconds = np.where(burst, seconds[first] + np.arange(n) - first, seconds)
    photo = np.arange(n, dtype=np.int64) * 3 + 1
    side = rng.choice([320, 640, 1024, 2048], n)
    columns = {
        "photo_id": pa.array(photo),
        "owner_id": pa.array(owner),
        "width": pa.array(side.astype(np.int32), mask=rng.random(n) < 0.05),
        "height": pa.array((side * 3 // 4).astype(np.int32)),
        "camera": pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, len(CAMERAS), n, np.int32)), CAMERAS).cast(
            pa.string()
        ),
        "was_avatar": pa.array(rng.random(n) < 0.03, mask=rng.random(n) < 0.01),
        "taken_at": pa.array(seconds * 1_000_000, mask=rng.random(n) < 0.1).cast(pa.timestamp("us")),
    }
    tagged = np.sort(rng.choice(n, n // 10))
    source = pa.array(rng.choice(["manual", "confirmed", "rejected"], len(tagged), p=(0.7, 0.2, 0.1)))
    return pa.table(columns), pa.table({"photo_id": photo[tagged], "source": source})


def by_pandas(photos: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    """What people write: columns for the whole table, then a function applied to every user's photos."""
    good = tags[tags["source"].fillna("manual") != "rejected"]["photo_id"].unique()
    area = photos["width"].astype(float) * photos["height"].astype(float)
    resolution = (area / FULL_RESOLUTION).clip(upper=1.0).where(area > 0, UNKNOWN_RESOLUTION)
    quality = SETTINGS.tagged * photos["photo_id"].isin(good)
    quality = quality + SETTINGS.avatar * photos["was_avatar"].fillna(False).astype(bool)
    quality = quality + SETTINGS.camera * (photos["camera"].fillna("").str.strip() != "")
    quality = (quality + SETTINGS.resolution * resolution).astype("float32")
    photos = photos.assign(quality=quality, hour=photos["taken_at"].dt.floor("h"))

    def best(album: pd.DataFrame) -> pd.DataFrame:
        album = album.sort_values(["quality", "taken_at", "photo_id"], ascending=False, na_position="last")
        late = (album.groupby("hour").cumcount() >= SETTINGS.photos_per_hour) & album["hour"].notna()
        album = album.assign(late=late).sort_values("late", kind="stable").head(SETTINGS.photos_per_user)
        return album.assign(rank=np.arange(len(album), dtype=np.int16))[["photo_id", "quality", "rank"]]

    return photos.groupby("owner_id").apply(best).reset_index(level=0)


def same_rows(ours: pa.Table, in_pandas: pd.DataFrame, in_duckdb: pa.Table) -> None:
    """Raise unless all made the same rows in the same order; pandas those of the first users."""
    for name in tables.SELECTION.names:
        mine, theirs = _plain(ours[name]), _plain(in_duckdb[name])
        assert np.array_equal(mine, theirs), f"{name}: DuckDB differs in {(mine != theirs).sum()} rows"
        part = in_pandas[name].to_numpy()
        assert np.array_equal(mine[: len(part)], part), f"{name}: pandas differs"
    assert len(in_pandas) > 0


def _plain(column: pa.ChunkedArray) -> npt.NDArray[np.generic]:
    return np.asarray(column.to_numpy())


def case(count: int, share: float) -> Case:
    """All photos for us and DuckDB, those of the first users for pandas."""
    photos, tags = draw_photos(count, seed=1)
    base = duckdb.connect(config={"threads": 1})
    for name, table in (("photos", photos), ("tags", tags)):
        base.register("given", table)
        base.execute(f"CREATE TABLE {name} AS SELECT * FROM given")  # noqa: S608
        base.unregister("given")
    owners = pc.unique(photos["owner_id"])
    last = owners[max(1, int(len(owners) * share)) - 1]
    few = photos.filter(pc.less_equal(photos["owner_id"], last))
    frame = few.to_pandas()
    few_tags = tags.filter(pc.less_equal(tags["photo_id"], pc.max(few["photo_id"]))).to_pandas()
    return Case(
        f"{len(photos) / 1e6:,.0f} million photos of {len(owners):,} users",
        len(photos),
        "photos",
        [
            Side("kith", lambda: select_photos(photos, tags)),
            Side("pandas", lambda: by_pandas(frame, few_tags), share=len(few) / len(photos)),
            Side("DuckDB", lambda: base.sql(QUERY).to_arrow_table()),
        ],
        same_rows,
        WANTED,
    )


def main() -> None:
    """Check, measure, print, keep."""
    given = options(__doc__ or "", repeats=5).parse_args()
    cases = [case(20_000, 0.2) if given.tiny else case(PHOTOS, PANDAS_SHARE)]
    run("selection", "Selection: the best 100 photos of each user, one thread", cases, given)


if __name__ == "__main__":
    main()
