"""`kith recognize`: who is on a photo."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from profiling.errors import LakeError, PhotoError
from profiling.evaluation.uploads import FALSE_POSITIVES
from profiling.places import open_place
from profiling.refusals import PhotoRefused
from profiling.settings import Settings
from profiling.store import ProfileStore, open_store
from ray_tasks.cli.options import Json, output, print_json
from ray_tasks.cli.store import StoreAddress
from ray_tasks.generations import Generation, find_generation, generations
from ray_tasks.lake import Lake

if TYPE_CHECKING:
    from profiling.decoding import DecodedPhoto
    from profiling.recognition import Circle, RecognizedFace
    from profiling.recognition_thresholds import Thresholds


def recognize(
    photo: Annotated[Path, typer.Argument(help="The photo's file.", show_default=False)],
    user: Annotated[int, typer.Option("--user", help="Who uploads it.", show_default=False)],
    store: StoreAddress,
    friends: Annotated[str, typer.Option(help="Where friendships are: a population or a lake.", show_default=False)],
    lake: Annotated[
        str | None, typer.Option(help="Whose settings and thresholds to use. [default: that of --friends]")
    ] = None,
    false_positives: Annotated[float, typer.Option(help="Strangers' faces that may be named.")] = FALSE_POSITIVES,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    as_json: Json = False,
) -> None:
    """Who is on a photo: the uploader and the uploader's friends are the candidates."""
    from profiling.recognition import Recognizer

    with contextlib.closing(open_store(store)) as opened:
        is_lake = (open_place(friends) / "lake.json").is_file()
        if lake is None and not is_lake:
            raise LakeError("--lake is missing: name the lake whose settings and thresholds hold for this store")
        source = Lake.open(friends if lake is None else lake)
        generation = _generation(source, opened)
        settings = Settings.model_validate(generation.settings)
        thresholds = read_thresholds(source, generation)
        circle = _circle(friends, source, generation) if is_lake else _population(friends)
        if not circle(user):
            raise PhotoError(f"--user {user}: {friends} knows no such user; candidates are the uploader and friends")
        recognizer = Recognizer(opened, circle, settings, thresholds, false_positives, device)
        faces = recognizer.recognize(_decode(photo, settings), user)
    if as_json:
        about = {"threshold": recognizer.threshold, "false_positives": false_positives, "tries": thresholds.tries}
        print_json({"user_id": user, **about, "faces": [face.to_json() for face in faces]})
        return
    if not thresholds.enough(false_positives):
        output.print(f"(only {thresholds.tries} tries with strangers: the threshold is stricter than asked)")
    for face in faces:
        output.print(_line(face), highlight=False)
    if not faces:
        output.print("no face was found")


def read_thresholds(lake: Lake, generation: Generation) -> Thresholds:
    """What evaluate measured for a generation, or, where it was not judged, for the newest one of its network.

    Raises
    ------
    LakeError
        None was judged.
    """
    from profiling.recognition_thresholds import FOLDER, Thresholds

    others = [each for each in reversed(generations(lake)) if each.artefacts["model"] == generation.artefacts["model"]]
    for each in (generation, *others):
        with contextlib.suppress(FileNotFoundError):
            text = (lake.folder / FOLDER / f"{each.id}.json").read_text(encoding="utf-8")
            return Thresholds.from_json(json.loads(text))
    raise LakeError(
        f"{lake.folder}: holds no threshold for faces of strangers; run kith evaluate with uploads in its truth first"
    )


def _generation(lake: Lake, store: ProfileStore) -> Generation:
    """The generation that the store serves, or another of its network."""
    active = store.snapshot().generation
    known = [each for each in generations(lake) if each.artefacts["model"] == active.model]
    if not known:
        raise LakeError(
            f"{lake.folder}: holds no generation of the network that {store.name} serves; name another lake"
        )
    same = [each for each in known if each.id == active.id]
    return find_generation(lake, (same or known)[-1].id)


def _circle(friends: str, lake: Lake, generation: Generation) -> Circle:
    from ray_tasks.lake_circle import LakeCircle

    other = Lake.open(friends)
    return LakeCircle(other, generation if other.folder == lake.folder else find_generation(other))


def _population(folder: str) -> Circle:
    from profiling.population import PopulationCircle, open_population

    return PopulationCircle(open_population(folder))


def _decode(photo: Path, settings: Settings) -> DecodedPhoto:
    from ray_tasks.decoders import DecoderPool

    with DecoderPool(1, str(photo.absolute().parent), settings.decoding) as decoders:
        _, found = next(decoders.decode([str(photo.absolute())]))
    if isinstance(found, PhotoRefused):
        raise PhotoError(f"{photo}: {found.reason}: {found.detail}")
    return found


def _line(face: RecognizedFace) -> str:
    x, y, w, h = face.box
    who = "unknown" if face.user_id is None else f"user {face.user_id}"
    near = "no candidate has a profile" if face.similarity is None else f"similarity {face.similarity:.3f}"
    return f"{who}: {near}; box x {x:.3f}, y {y:.3f}, w {w:.3f}, h {h:.3f}"
