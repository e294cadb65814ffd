"""Stage 4, first: find the photos that many owners have who do not know each other.

Albums lie in buckets of their owners, so a picture's copies must be brought together: once by hash, to find hashes that
several owners hold, then, with near-equal hashes, by picture, and at last back to the owners' buckets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.albums import integers
from profiling.hashing import splitmix64
from profiling.settings import ClusteringSettings
from profiling.tables import VIRAL
from profiling.viral import Hashes, Ints, find_seeds, group_seeds, match_seeds, sightings_of_pictures, viral_pictures
from ray_tasks.lake import Manifest, fingerprint
from ray_tasks.shuffle import Shuffle
from ray_tasks.stages.context import BuildContext, Manifests
from ray_tasks.stages.embed import face_parts
from ray_tasks.stages.face_parts import FaceParts
from ray_tasks.stages.partition_rows import open_friendships, rows_mark

LOGIC = 1  # raise when the results of this stage change
STAGE = "viral"
HELD = pa.schema([("hash", pa.uint64()), ("owner", pa.int64())])
COPIES = pa.schema([("picture", pa.int64()), ("owner", pa.int64()), ("photo_id", pa.int64()), ("bucket", pa.int32())])


def viral(context: BuildContext) -> None:
    """Run the stage; each bucket's counts hold a digest of the faces that were looked at and one of the result."""
    lake, settings = context.lake, context.settings.clustering
    looked_at = [str(manifest.counts["digest"]) for manifest in context.manifests["looked"].values()]
    friends = rows_mark(context.manifests["partition"])
    about = settings.model_dump(include={"viral_owners", "duplicate_bits"})
    mark = fingerprint(stage=STAGE, logic=LOGIC, faces=looked_at, friends=friends, settings=about)
    found = {bucket: lake.find(STAGE, bucket, mark) for bucket in range(lake.buckets)}
    done: Manifests = {bucket: manifest for bucket, manifest in found.items() if manifest is not None}
    with context.progress.stage(context.title(STAGE), total=lake.buckets, unit="buckets", done=len(done)) as bar:
        if len(done) < lake.buckets:
            with lake.scratch() as scratch:
                for manifest in _Search(context, settings, scratch).run(mark, looked_at):
                    done[manifest.bucket] = manifest
                    bar.advance(1, manifest.counts)
    context.manifests[STAGE] = dict(sorted(done.items()))


@dataclass(frozen=True)
class _Search:
    """One search through the population."""

    context: BuildContext
    settings: ClusteringSettings
    scratch: Path

    def run(self, mark: str, looked_at: list[str]) -> Iterator[Manifest]:
        """Search, and commit the photos found bucket by bucket."""
        lake = self.context.lake
        seeds = self._seeds()
        found = self._found(seeds) if len(seeds) else None
        for bucket in range(lake.buckets):
            photos = np.zeros(0, np.int64) if found is None else np.sort(integers(found.read(bucket)["photo_id"]))
            digest = hashlib.blake2b(photos.astype("<i8").tobytes(), digest_size=16).hexdigest()
            with lake.attempt(STAGE, bucket, mark) as attempt:
                attempt.write(STAGE, pa.table([pa.array(photos)], schema=VIRAL))
                counts = {"photos": len(photos), "digest": digest, "looked_at": looked_at[bucket]}
                yield attempt.commit(counts)

    def _photos(self) -> Iterator[tuple[int, Ints, Ints, Hashes]]:
        """Bucket, photo ids, rows of the owners and hashes, bucket by bucket."""
        for bucket in range(self.context.lake.buckets):
            inputs = self.context.inputs(bucket, "partition", "select")
            selection = self.context.lake.read(inputs["select"], "selection", ["owner_id", "photo_id"])
            users = self.context.lake.read(inputs["partition"], "users", ["user_id", "row"])
            parts: FaceParts = face_parts(self.context, bucket)
            yield bucket, *sightings_of_pictures(selection, parts.seen(), users)

    def _seeds(self) -> Hashes:
        """Hashes that several owners hold, ascending."""
        held = self._shuffle("held", HELD)
        for _, _, owner, hashes in self._photos():
            rows = pa.table([pa.array(hashes), pa.array(owner)], schema=HELD)
            held.add(rows, self._place(hashes.astype(np.int64)))
        held.finish()
        parts = [np.zeros(0, np.uint64)]
        for place in range(self.context.lake.buckets):
            rows = held.read(place)
            hashes = np.asarray(rows["hash"], np.uint64)
            parts.append(find_seeds(hashes, integers(rows["owner"]), self.settings.viral_owners))
        held.drop()
        return np.sort(np.concatenate(parts))

    def _found(self, seeds: Hashes) -> Shuffle:
        """The viral photos, by bucket."""
        copies, found = self._shuffle("copies", COPIES), self._shuffle("found", COPIES)
        picture = group_seeds(seeds, self.settings.duplicate_bits)
        for bucket, photo_id, owner, hashes in self._photos():
            seed = match_seeds(hashes, seeds, self.settings.duplicate_bits)
            near = seed >= 0
            of = picture[seed[near]]
            where = np.full(len(of), bucket, np.int32)
            columns = [pa.array(each) for each in (of, owner[near], photo_id[near], where)]
            copies.add(pa.table(columns, schema=COPIES), self._place(of))
        copies.finish()
        friendships = open_friendships(self.context.lake, rows_mark(self.context.manifests["partition"]))
        for place in range(self.context.lake.buckets):
            rows = copies.read(place)
            pictures, owners = integers(rows["picture"]), integers(rows["owner"])
            viral_ones = viral_pictures(pictures, owners, friendships.friends, self.settings.viral_owners)
            rows = rows.filter(pa.array(np.isin(pictures, viral_ones)))
            found.add(rows, np.asarray(rows["bucket"], np.int32))
        copies.drop()
        found.finish()
        return found

    def _shuffle(self, name: str, schema: pa.Schema) -> Shuffle:
        folder = self.scratch / name
        folder.mkdir()
        return Shuffle(folder, self.context.lake.buckets, schema)

    def _place(self, values: Ints) -> npt.NDArray[np.int32]:
        """Spread values evenly over as many places as there are buckets."""
        return (splitmix64(values) & np.uint64(self.context.lake.buckets - 1)).astype(np.int32)
