"""`kith models`: the registry of networks, set-up of their weights, and calibration."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from profiling.errors import ModelError
from ray_tasks.cli.options import Json, console, output, print_json

app = typer.Typer(help="Networks: list them, prepare their weights, fit a calibration.", no_args_is_help=True)


@app.command("list")
def show(as_json: Json = False) -> None:
    """The registry: what each network is, and whether it can be used here."""
    from profiling.embedding import MODELS, find_weights, load_calibration

    rows = []
    for entry in MODELS.values():
        try:
            where = str(find_weights(entry))
        except ModelError:
            where = None
        try:
            calibration = load_calibration(entry.id).id[:12]
        except ModelError:
            calibration = None
        rows.append(
            {
                "id": entry.id,
                "dimension": entry.dim,
                "chip": entry.chip.size,
                "licence": entry.licence,
                "sha256": entry.sha256,
                "weights": where,
                "calibration": calibration,
            }
        )
    if as_json:
        print_json(rows)
        return
    table = Table(show_edge=False, pad_edge=False)
    for name in ("id", "dimension", "chip", "licence", "weights", "calibration"):
        table.add_column(name)
    for row in rows:
        weights = "found" if row["weights"] else "missing"
        columns = (row["id"], row["dimension"], row["chip"], row["licence"], weights, row["calibration"] or "missing")
        table.add_row(*(str(value) for value in columns))
    output.print(table)


@app.command("prepare")
def prepare() -> None:
    """Convert the detector's weights once and check all hashes; `make setup` does it."""
    from profiling.embedding import get_model
    from profiling.embedding.registry import read_weights
    from profiling.weights import prepare_weights

    for line in prepare_weights():
        output.print(line, highlight=False)
    read_weights(get_model("dlib"))
    output.print("dlib: weights match their hash", highlight=False)


@app.command("calibrate")
def calibrate(
    model: Annotated[str, typer.Argument(help="Id of the network.", show_default=False)],
    faces: Annotated[Path, typer.Option(help="Folder of faces named age_gender_….jpg (UTKFace).", show_default=False)],
    no_faces: Annotated[Path, typer.Option(help="Folder of photos without any face.", show_default=False)],
    identities: Annotated[Path, typer.Option(help="Folder of one subfolder a person.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="File to write. [default: beside the weights]")] = None,
) -> None:
    """Fit a network's calibration: non-face centroids, age and gender probe, eps curve, thresholds."""
    from profiling.embedding import find_weights, get_model
    from profiling.embedding.calibrating import fit_calibration
    from profiling.embedding.calibration import calibration_file
    from profiling.weights import prepare_weights

    entry = get_model(model)
    for folder in (faces, no_faces, identities):
        if not folder.is_dir():
            raise ModelError(f"{folder}: is no folder; see kith models calibrate --help")
    prepare_weights()
    with console.status(f"calibrating {model}") as state:
        found = fit_calibration(
            model,
            faces,
            no_faces,
            identities,
            date=time.strftime("%Y-%m-%d"),
            progress=lambda what, done, total: state.update(f"calibrating {model}: {what}, {done} of {total}"),
        )
    path = out or calibration_file(entry, find_weights(entry).parent)
    try:
        found.save(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror}); choose another file with --out") from None
    output.print(f"calibration {found.id[:12]} of {model}: {path}", highlight=False)
