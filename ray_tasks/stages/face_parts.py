"""The parts in which a bucket's faces lie, and which of them speaks for which photo of the present snapshot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.tables import SEEN, faces_schema
from ray_tasks.lake import Lake, Manifest, fingerprint
from ray_tasks.parts import PhotoList

LOOKED_AT = ("ok", "no_face")  # reasons of photos that were read; all others are failures


def wanted_photos(lake: Lake, partition: Manifest, selection: Manifest) -> PhotoList:
    """The selected photos of a bucket, in photo order."""
    chosen = lake.read(selection, "selection", ["photo_id"])["photo_id"].combine_chunks()
    photos = lake.read(partition, "photos", ["photo_id", "version", "uri"])
    photos = photos.filter(pc.is_in(photos["photo_id"], value_set=chosen)).sort_by("photo_id")
    return PhotoList(
        photos["photo_id"].to_numpy(), photos["version"].fill_null(0).to_numpy(), photos["uri"].to_pylist()
    )


class FaceParts:
    """A bucket's parts, resolved for the photos that are wanted now.

    A photo counts as seen when a part holds it in its present version. Where several parts hold it, one that could
    read it speaks, else the oldest.
    """

    def __init__(self, lake: Lake, parts: Sequence[Manifest], wanted: PhotoList) -> None:
        self._lake, self._parts, self._wanted = lake, parts, wanted
        self._speaker = np.full(len(wanted), -1, np.int32)
        failed = np.ones(len(wanted), bool)
        for number, part in enumerate(parts):
            seen = lake.read(part, "seen", ["photo_id", "version", "reason"])
            at, rows = self._match(seen)
            fails = ~np.isin(seen["reason"].to_numpy(zero_copy_only=False).astype(str)[rows], LOOKED_AT)
            better = (self._speaker[at] < 0) | (failed[at] & ~fails)
            self._speaker[at[better]], failed[at[better]] = number, fails[better]
        self._failed = failed & (self._speaker >= 0)

    def missing(self, retry_failed: bool = False) -> PhotoList:
        """Photos no part has seen; with `retry_failed` also those that could not be read."""
        rows = self._speaker < 0
        return take(self._wanted, np.flatnonzero(rows | self._failed if retry_failed else rows))

    def seen(self) -> pa.Table:
        """Table `seen` of the wanted photos, sorted by photo_id."""
        return self._gather("seen", SEEN).sort_by("photo_id")

    def faces(self, dim: int, photos: npt.NDArray[np.int64] | None = None) -> pa.Table:
        """Table `faces` of the wanted photos, or of some of them, sorted by photo_id, face.

        Parts that hold none of them are not read.
        """
        found = self._gather("faces", faces_schema(dim), photos)
        return found.sort_by([("photo_id", "ascending"), ("face", "ascending")])

    def digest(self) -> str:
        """16 bytes in hex of which bytes were seen: parts that are cut otherwise hold the same faces."""
        seen = self.seen()
        digest = hashlib.blake2b(digest_size=16)
        for name in ("photo_id", "version", "reason", "content_hash"):
            digest.update(repr(seen[name].to_pylist()).encode())
        return digest.hexdigest()

    def _match(self, seen: pa.Table) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Positions in `wanted` and in `seen` of the photos that both hold in the same version."""
        ids, versions = seen["photo_id"].to_numpy(), seen["version"].to_numpy()
        at = np.searchsorted(self._wanted.photo_ids, ids)
        rows = np.flatnonzero(at < len(self._wanted))
        at = at[rows]
        same = (self._wanted.photo_ids[at] == ids[rows]) & (self._wanted.versions[at] == versions[rows])
        return at[same], rows[same]

    def _gather(self, table: str, schema: pa.Schema, photos: npt.NDArray[np.int64] | None = None) -> pa.Table:
        asked = np.ones(len(self._wanted), np.bool_) if photos is None else np.isin(self._wanted.photo_ids, photos)
        pieces = [schema.empty_table()]
        for number, part in enumerate(self._parts):
            mine = self._wanted.photo_ids[asked & (self._speaker == number)]
            if len(mine):
                piece = self._lake.read(part, table)
                pieces.append(piece.filter(pc.is_in(piece["photo_id"], value_set=pa.array(mine))).cast(schema))
        return pa.concat_tables(pieces).combine_chunks()


def open_parts(lake: Lake, stage: str, partition: Manifest, selection: Manifest) -> FaceParts:
    """The parts of face key `stage` of a bucket, resolved for the photos that `selection` chose of `partition`."""
    return FaceParts(lake, lake.results(stage, partition.bucket), wanted_photos(lake, partition, selection))


def take(photos: PhotoList, rows: npt.NDArray[np.intp]) -> PhotoList:
    """Some photos of a list."""
    return PhotoList(photos.photo_ids[rows], photos.versions[rows], [photos.uris[k] for k in rows])


def split_photos(photos: PhotoList, size: int, earlier: int = 0) -> Iterator[tuple[str, PhotoList]]:
    """Cut photos into parts of `size`, in order, each with its fingerprint.

    `earlier` tells a second look at the same photos from the first: it is 0, or the number of parts there were.
    """
    for start in range(0, len(photos), size):
        piece = take(photos, np.arange(start, min(start + size, len(photos))))
        ids, versions = piece.photo_ids.tolist(), piece.versions.tolist()
        yield fingerprint(ids=ids, versions=versions, earlier=earlier), piece
