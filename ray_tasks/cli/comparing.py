"""`kith models compare`: networks side by side on one population."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
import typer
from rich.table import Table

from profiling.errors import ModelError, SettingsError
from ray_tasks.cli.options import Json, console, output, print_json

COLUMNS = {  # of the table: key, and how it is shown
    "true_accepts": "TAR",
    "threshold": "threshold",
    "main_together": "together",
    "purity": "purity",
    "eps": "eps",
}
MEANING = (
    "TAR: pairs of one person within an album above the threshold that .1 % of pairs of two people pass; together: the "
    "main person's faces in one cluster; * = no calibration, best eps of these faces; faces/s on one thread"
)
RATE_THREADS = 1  # faces a second are said of one thread, as in the prototypes


def compare(
    population: Annotated[Path, typer.Argument(help="A population folder.", show_default=False)],
    truth: Annotated[Path, typer.Option(help="Its truth folder.", show_default=False)],
    model: Annotated[list[str], typer.Option("--model", help="A network; repeat for each.", show_default=False)],
    albums: Annotated[
        int | None, typer.Option(min=1, help="Albums to look at, smallest ids first. [default: all]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Which network tells the people of an album apart best; one that has no calibration can be compared too."""
    rows = _compare(population, truth, list(dict.fromkeys(model)), albums)
    if as_json:
        print_json([{name: _number(value) for name, value in row.items()} for row in rows])
        return
    table = Table(show_edge=False, pad_edge=False)
    for name in ("network", "dim", "faces/s", *COLUMNS.values()):
        table.add_column(name, no_wrap=True)
    for row in rows:
        shown = [f"{row[name]:.3f}" for name in COLUMNS]
        shown[-1] += "" if row["calibrated"] else "*"
        table.add_row(row["model"], str(row["dimension"]), f"{row['faces_per_second']:.0f}", *shown)
    output.print(table)
    counts = f"{rows[0]['faces']} faces of {rows[0]['people']} people in {rows[0]['albums']} albums"
    output.print(f"{counts}. {MEANING}", highlight=False)


def _compare(population: Path, truth: Path, models: list[str], albums: int | None) -> list[dict[str, Any]]:
    import numpy as np
    import torch

    from profiling.detection import Detector
    from profiling.embedding import load_calibration
    from profiling.embedding.comparing import compare_network, people_an_album
    from profiling.embedding.embedder import Embedder
    from profiling.embedding.known_faces import embed_known_faces
    from profiling.evaluation import read_truth
    from profiling.settings import DetectionSettings
    from profiling.weights import prepare_weights

    photos = _photos(population, albums)
    known = read_truth(truth).faces
    prepare_weights()
    torch.set_num_threads(RATE_THREADS)
    embedders = [Embedder.load(each) for each in models]
    with console.status("comparing") as state:
        found = embed_known_faces(
            photos,
            str(population),
            known,
            Detector.load(DetectionSettings()),
            embedders,
            lambda done: state.update(f"comparing: {done} of {photos.num_rows} photos"),
        )
    if not len(found.faces.person):
        raise SettingsError(f"{truth}: no face that was detected is known; name the truth of this population")
    rows = []
    for embedder, vectors, seconds in zip(embedders, found.vectors, found.seconds, strict=True):
        try:
            eps: float | None = float(load_calibration(embedder.entry.id).eps_for(people_an_album(found.faces)))
        except ModelError:
            eps = None
        rows.append(
            {
                "model": embedder.entry.id,
                "dimension": embedder.entry.dim,
                "faces_per_second": len(vectors) / seconds,
                **asdict(compare_network(vectors, found.faces, eps)),
                "faces": len(vectors),
                "people": len(np.unique(found.faces.person)),
                "albums": len(found.faces.offsets) - 1,
            }
        )
    return rows


def _photos(population: Path, albums: int | None) -> pa.Table:
    """The photos of owners who consent, of the first `albums` owners by id."""
    from profiling.population import open_population

    opened = open_population(str(population))
    users, photos = (pa.concat_tables([batch.rows for batch in opened.batches(name)]) for name in ("users", "photos"))
    willing = users.filter(pc.fill_null(users["consent"], True))["user_id"]
    owners = pc.unique(photos["owner_id"].filter(pc.is_in(photos["owner_id"], value_set=pc.unique(willing))))
    chosen = owners.sort().slice(0, albums)
    return photos.filter(pc.is_in(photos["owner_id"], value_set=chosen)).select(["photo_id", "owner_id", "uri"])


def _number(value: Any) -> Any:
    """JSON has no NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
