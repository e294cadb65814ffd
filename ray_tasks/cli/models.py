"""`kith models`: the registry of networks, networks of one's own, set-up of weights, and calibration."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from profiling.embedding.layouts import LAYOUTS
from profiling.embedding.model_entry import ModelEntry
from profiling.errors import KithError, ModelError
from ray_tasks.cli.comparing import compare
from ray_tasks.cli.network_options import read_channels, read_colour, read_numbers, read_template
from ray_tasks.cli.options import Json, console, output, print_json

app = typer.Typer(help="Networks: list, add, prepare, calibrate and compare them.", no_args_is_help=True)
app.command("compare")(compare)


@app.command("list")
def show(as_json: Json = False) -> None:
    """The registry: what each network is, and whether it can be used here."""
    from profiling.embedding import list_models

    entries, faults = list_models()
    rows = [_row(entry) for entry in entries.values()]
    for fault in faults:
        console.print(f"kith: {fault}", style="yellow", highlight=False, soft_wrap=True)
    if as_json:
        print_json(rows)
        return
    table = Table(show_edge=False, pad_edge=False)
    shown = ("id", "numbers", "chip", "weights", "calibration", "scorer")
    for name in shown:
        table.add_column(name, no_wrap=True)
    for row in rows:
        states = {name: "found" if row[name] else "missing" for name in ("weights", "calibration", "scorer")}
        table.add_row(row["id"], str(row["dimension"]), str(row["chip"]), *states.values())
    output.print(table)
    for row in rows:
        output.print(f"{row['id']} ({row['origin']}): {row['licence']}; {row['source']}", highlight=False)


def _row(entry: ModelEntry) -> dict[str, Any]:
    """What `list` says of one network; None = not there."""
    from profiling.embedding import find_weights, load_calibration
    from profiling.scorer import load_scorer

    def here(get: Callable[[], Any]) -> str | None:
        try:
            return str(get())
        except KithError:
            return None

    return {
        "id": entry.id,
        "dimension": entry.dim,
        "chip": entry.chip.size,
        "origin": "described" if entry.described else "built in",
        "licence": entry.licence,
        "source": entry.source,
        "sha256": entry.sha256,
        "weights": here(lambda: find_weights(entry)),
        "calibration": here(lambda: load_calibration(entry.id).id[:12]),
        "scorer": here(lambda: load_scorer(entry.sha256).id[:12]),
    }


@app.command("add")
def add(
    weights: Annotated[Path, typer.Argument(help="File of weights: safetensors, torch or ONNX.", show_default=False)],
    model: Annotated[str, typer.Option("--id", help="What the network is to be called.", show_default=False)],
    layout: Annotated[str, typer.Option(help="What network it is: " + ", ".join(LAYOUTS), show_default=False)],
    colour: Annotated[str, typer.Option(help="Order of channels it was trained on: rgb or bgr.")] = "rgb",
    size: Annotated[int | None, typer.Option(help="Pixels of a chip's side. [default: the layout's]")] = None,
    mean: Annotated[
        str | None, typer.Option(help="Of (pixel - mean) / scale: one number, or three with commas.")
    ] = None,
    scale: Annotated[str | None, typer.Option(help="As --mean.")] = None,
    template: Annotated[
        str | None,
        typer.Option(help="arcface, facenet, or x0,y0,…,x4,y4 in pixels of eyes, nose, corners of the mouth."),
    ] = None,
    points: Annotated[str, typer.Option(help="Which of the five points chips are fitted to.")] = "0,1,2,3,4",
    dim: Annotated[int | None, typer.Option(help="Numbers of a vector, to be checked against the network.")] = None,
    vector_output: Annotated[str, typer.Option("--output", help="ONNX: name of the vector. [default: the first]")] = "",
    features_output: Annotated[str, typer.Option(help="ONNX: what age and gender are read from.")] = "",
    title: Annotated[str, typer.Option(help="A name for people.")] = "",
    licence: Annotated[str, typer.Option(help="Of the weights.")] = "not stated",
    source: Annotated[str, typer.Option(help="Where the weights come from.")] = "not stated",
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite a description of this id.")] = False,
) -> None:
    """Take in a network of your own: check its weights and write ID.model.toml into the folder of KITH_MODELS."""
    from profiling.embedding.describing import Stated, add_network

    described = Stated(
        id=model,
        layout=layout,
        title=title,
        size=size,
        template=read_template(template, size, layout),
        points=tuple(int(point) for point in read_numbers("--points", points)),
        colour=read_colour(colour),
        mean=read_channels("--mean", mean),
        scale=read_channels("--scale", scale),
        dim=dim,
        output=vector_output,
        features_output=features_output,
        licence=licence,
        source=source,
    )
    path = add_network(weights, described, replace)
    output.print(f"{model}: {path}; next: kith models calibrate {model}", highlight=False)


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
