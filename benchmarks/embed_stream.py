"""The embed stream on Ray Core, as Kith runs it, beside the same work as a Ray Data pipeline, on the same photos.

    python benchmarks/embed_stream.py POPULATION [--photos 32 192]

Both sides get two logical CPUs: two detectors with a decoder process each and one embedder, the same functions, and Ray
is up before the clock starts; actors with their weights are not. Vectors are compared bit for bit. Ray Core commits
parts to a lake (flushed, fingerprinted, resumable); Ray Data's blocks come to the driver, which writes one file.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from profiling.alignment import cut_chips, sharpness
from profiling.decoding import PhotoRefused
from profiling.detection import Detector
from profiling.embedding import get_model
from profiling.settings import Settings
from profiling.tables import faces_schema
from profiling.vectors import pack_vectors
from ray_tasks.actors import CPUS_A_DETECTOR, DECODERS_A_DETECTOR, one_thread
from ray_tasks.decoders import DecoderPool
from ray_tasks.lake import Lake
from ray_tasks.lock import WriterLock
from ray_tasks.parts import Part, PhotoList
from ray_tasks.photo_pipeline import WINDOW, LocalEmbedding
from ray_tasks.progress import RunProgress
from ray_tasks.ray_session import RaySession
from ray_tasks.stages.embed import Crew, run_parts

CPUS = 2
PHOTOS_A_PART = 16  # of Ray Core; Ray Data's blocks are as large, so that both sides can share the work out alike
EMBEDDER_CPUS = 0.25  # of Ray Data's embedder; its own tasks need the rest

Rows = dict[str, Any]
Vectors = dict[tuple[int, int], bytes]  # by photo and face


class DetectBlock:
    """Ray Data's stateful stage: photos to chips."""

    def __init__(self, folder: str, sections: Rows) -> None:
        one_thread()
        settings = Settings.model_validate(sections)
        self._chip = get_model(settings.embedding.model).chip
        self._decoders = DecoderPool(DECODERS_A_DETECTOR, folder, settings.decoding)
        self._detector = Detector.load(settings.detection, "cpu", settings.embedding.precision)

    def __call__(self, batch: Rows) -> Rows:
        photos = [photo for _, photo in self._decoders.decode(batch["uri"].tolist())]
        read = [(k, photo) for k, photo in enumerate(photos) if not isinstance(photo, PhotoRefused)]
        found = self._detector.detect([photo.pixels for _, photo in read])
        size = self._chip.size
        ids, faces, sharp, chips = [], [], [], [np.zeros((0, size, size, 3), np.uint8)]
        for (k, photo), detections in zip(read, found, strict=True):
            cut = cut_chips(photo.pixels, detections.landmarks, self._chip)
            ids += [batch["photo_id"][k]] * len(cut)
            faces += range(len(cut))
            sharp += sharpness(cut).tolist()
            chips.append(cut)
        return {
            "photo_id": np.array(ids, np.int64),
            "face": np.array(faces, np.int64),
            "sharpness": np.array(sharp, np.float64),
            "chip": np.concatenate(chips),
        }


class EmbedBlock:
    """Ray Data's second stateful stage: chips to vectors."""

    def __init__(self, sections: Rows) -> None:
        one_thread()
        settings = Settings.model_validate(sections).embedding
        self._embedding = LocalEmbedding(settings.model, "cpu", settings.precision)

    def __call__(self, batch: Rows) -> Rows:
        chips = batch.pop("chip")
        vectors = self._embedding.submit(np.ascontiguousarray(chips))
        return batch | {"vector": vectors.vectors, "norm": vectors.norms, "age": vectors.age}


class Stream:
    """The same photos for both sides, in one Ray and one folder."""

    def __init__(self, session: RaySession, population: Path, photos: PhotoList, work: Path) -> None:
        self._session, self._population, self._photos, self._work = session, population, photos, work
        self._settings = Settings()
        self._dim = get_model(self._settings.embedding.model).dim
        self._runs = itertools.count()
        self._lake = Lake.create(work / "lake", 1)

    def core(self) -> Vectors:
        """Kith's own: parts of photos to detectors, chips to embedders, commits."""
        stage, every = f"embed-{next(self._runs)}", range(0, len(self._photos), PHOTOS_A_PART)
        parts = [Part(stage, 0, f"{start:032d}", _piece(self._photos, start, start + PHOTOS_A_PART)) for start in every]
        with (
            WriterLock(self._lake, "benchmark") as held,
            RunProgress(held, "benchmark") as progress,
            progress.stage("embed", len(self._photos), "photos") as bar,
        ):
            run_parts(Crew(self._session, held, str(self._population), self._settings), parts, bar)
        tables = [faces_schema(self._dim).empty_table()]
        tables += [held.read(each, "faces") for each in held.results(stage, 0)]
        faces = pa.concat_tables(tables).select(["photo_id", "face", "embedding"])
        keys = zip(faces["photo_id"].to_pylist(), faces["face"].to_pylist(), strict=True)
        return dict(zip(keys, faces["embedding"].to_pylist(), strict=True))

    def data(self) -> Vectors:
        """Ray Data: blocks of photos through two pools of actors."""
        import ray.data

        rows = [
            {"photo_id": int(photo), "uri": uri}
            for photo, uri in zip(self._photos.photo_ids, self._photos.uris, strict=True)
        ]
        sections = self._settings.model_dump()
        blocks = max(1, len(rows) // PHOTOS_A_PART)
        stream = ray.data.from_items(rows, override_num_blocks=blocks)
        detect: Any = DetectBlock
        embed: Any = EmbedBlock
        stream = stream.map_batches(
            detect,
            fn_constructor_args=(str(self._population), sections),
            batch_size=WINDOW,
            num_cpus=CPUS_A_DETECTOR,
            compute=ray.data.ActorPoolStrategy(size=CPUS),
        ).map_batches(
            embed,
            fn_constructor_args=(sections,),
            batch_size=64,
            num_cpus=EMBEDDER_CPUS,
            compute=ray.data.ActorPoolStrategy(size=1),
        )
        found: list[Rows] = list(stream.iter_batches(batch_size=None))
        ids, faces, vectors = (
            np.concatenate([each[name] for each in found]) for name in ("photo_id", "face", "vector")
        )
        packed = pack_vectors(vectors)
        pq.write_table(pa.table({"photo_id": ids, "face": faces, "embedding": packed}), self._work / "data.parquet")
        return dict(zip(zip(ids.tolist(), faces.tolist(), strict=True), packed.to_pylist(), strict=True))


def _piece(photos: PhotoList, start: int, end: int) -> PhotoList:
    return PhotoList(photos.photo_ids[start:end], photos.versions[start:end], photos.uris[start:end])


def same(core: Vectors, data: Vectors) -> None:
    """The same faces with the same bits."""
    assert core.keys() == data.keys()
    assert len(core) > 0
    differing = [key for key in core if core[key] != data[key]]
    assert not differing, f"{len(differing)} of {len(core)} vectors differ"


def first_photos(population: Path, count: int) -> PhotoList:
    """The first photos of a population by id."""
    table = pq.read_table(population / "photos.parquet", columns=["photo_id", "uri"]).sort_by("photo_id")[:count]
    return PhotoList(table["photo_id"].to_numpy(), np.zeros(len(table), np.int64), table["uri"].to_pylist())


def case(session: RaySession, population: Path, count: int, work: Path) -> harness.Case:
    """Both sides on the first `count` photos."""
    photos = first_photos(population, count)
    stream = Stream(session, population, photos, work)
    sides: list[tuple[str, Callable[[], Vectors]]] = [("Ray Core", stream.core), ("Ray Data", stream.data)]
    return harness.Case(f"{len(photos)} photos", len(photos), "photos", [harness.Side(*each) for each in sides], same)


def main() -> None:
    """Measure and keep."""
    parser = harness.options(__doc__ or "", repeats=3)
    parser.add_argument("population", type=Path)
    parser.add_argument("--photos", type=int, nargs="+", default=[32, 192])
    given: argparse.Namespace = parser.parse_args()
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    with tempfile.TemporaryDirectory() as folder, RaySession(cpus=CPUS) as session:
        session.ray()
        import ray.data

        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        cases = []
        for count in given.photos:
            work = Path(folder, str(count))
            work.mkdir()
            cases.append(case(session, given.population.absolute(), count, work))
        harness.run("embed_stream", "Embed stream: Ray Core beside Ray Data, two cores", cases, given)


if __name__ == "__main__":
    main()
