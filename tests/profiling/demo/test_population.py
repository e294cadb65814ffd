"""The demo population: the input contract, every kind of album, the same bytes from the same seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from profiling.decoding import decode_photo
from profiling.demo import draw_population
from profiling.demo.cast import KINDS, MEMBERS, PHOTO_YEAR, person_ids
from profiling.duplicates import near_duplicates
from profiling.errors import PopulationError
from profiling.evaluation.truth import read_truth
from profiling.population import open_population
from profiling.settings import Settings
from profiling.tables import POPULATION

FEW = 6


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo population as `kith demo` draws it; some ten seconds."""
    folder = tmp_path_factory.mktemp("demo") / "population"
    draw_population(folder)
    return folder


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / f"{name}.parquet").to_pylist()
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.slow
def test_the_same_seed_writes_the_same_bytes_and_counts_every_photo(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    counts = draw_population(tmp_path / "one", users=FEW, seed=3, progress=lambda *step: heard.append(step))
    assert draw_population(tmp_path / "again", users=FEW, seed=3) == counts
    assert files(tmp_path / "one") == files(tmp_path / "again")
    total = counts["photos"] + counts["uploads"]
    assert heard == [(done, total) for done in range(1, total + 1)]
    assert len(list((tmp_path / "one" / "images").iterdir())) == total


@pytest.mark.slow
def test_another_seed_draws_other_albums_of_the_same_people(tmp_path: Path, drawn: Path) -> None:
    draw_population(tmp_path, users=FEW, seed=3)
    known = {user["user_id"]: user for user in rows(drawn, "users")}
    assert all(known[user["user_id"]] == user for user in rows(tmp_path, "users"))
    assert rows(tmp_path, "truth/faces")[:20] != rows(drawn, "truth/faces")[:20]


@pytest.mark.parametrize("users", [0, FEW - 1, len(MEMBERS) + 1])
def test_a_number_of_users_that_cannot_be_is_refused(tmp_path: Path, users: int) -> None:
    with pytest.raises(PopulationError, match="6 to 18 users"):
        draw_population(tmp_path / "none", users=users)
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PopulationError, match="choose another folder"):
        draw_population(tmp_path / "file", users=FEW)


def test_the_contract_holds_and_no_row_is_broken(drawn: Path) -> None:
    population = open_population(str(drawn))
    for name, columns in POPULATION.items():
        table = pq.read_table(drawn / f"{name}.parquet")
        assert [(field.name, field.type) for field in table.schema] == [(c.name, c.type) for c in columns]
        checked = list(population.batches(name))
        assert sum(batch.rows.num_rows for batch in checked) == table.num_rows > 0
        assert all(batch.broken.num_rows == 0 for batch in checked)


def test_sizes_are_those_of_the_upright_files(drawn: Path) -> None:
    sideways = 0
    for photo in rows(drawn, "photos"):
        stored = Image.open(drawn / photo["uri"])
        upright = ImageOps.exif_transpose(stored)
        sideways += stored.size != upright.size
        assert upright.size == (photo["width"], photo["height"])
    assert sideways > 0


def test_truth_names_people_and_their_boxes(drawn: Path) -> None:
    truth = read_truth(drawn / "truth")
    users = {user["user_id"] for user in rows(drawn, "users")}
    known = users | {person for row in truth.users.to_pylist() for person in row["person_ids"]}
    faces = truth.faces.to_pylist()
    assert all(face["person_id"] in known or face["person_id"] < 0 for face in faces)
    assert all(face["x"] >= 0 and face["x"] + face["w"] <= 1 + 1e-6 for face in faces)
    assert all(face["y"] >= 0 and face["y"] + face["h"] <= 1 + 1e-6 for face in faces)
    for upload in truth.uploads.to_pylist():
        assert upload["uploader_id"] in users
        assert (drawn / upload["uri"]).exists()
        assert upload["person_ids"]


@pytest.mark.slow
def test_every_kind_of_album_is_there(whole: Path) -> None:
    kinds = {row["user_id"]: row["kind"] for row in rows(whole, "truth/users")}
    assert set(kinds.values()) == set(KINDS)
    shown = Counter((photo["owner_id"], face) for photo, face in _faces(whole))
    for user, kind in kinds.items():
        mine = shown[user, user]
        others = max((n for (owner, face), n in shown.items() if owner == user != face), default=0)
        assert mine + others == 0 if kind == "no_face" else mine > 0
        assert others > mine or kind != "friend_heavy"
        assert mine == 2 or kind != "sparse"
        assert kind != "group_only" or not any(faces == [user] for faces in _portraits(whole, user))
    (joint,) = (ids for user, ids in person_ids(MEMBERS).items() if kinds[user] == "joint")
    assert all(shown[joint[0], person] >= 3 for person in joint)


@pytest.mark.slow
def test_albums_are_of_a_size_to_look_through(whole: Path) -> None:
    sizes = Counter(photo["owner_id"] for photo in rows(whole, "photos"))
    assert len(sizes) == len(MEMBERS)
    assert min(sizes.values()) >= 5
    assert max(sizes.values()) <= 12


@pytest.mark.slow
def test_accounts_say_true_things_false_ones_and_nothing(whole: Path) -> None:
    users, truth = rows(whole, "users"), {row["user_id"]: row for row in rows(whole, "truth/users")}
    gaps = [user["birth_year"] and user["birth_year"] - truth[user["user_id"]]["birth_year"] for user in users]
    assert gaps.count(None) >= 1
    assert gaps.count(0) >= len(users) / 2
    assert sum(bool(gap) for gap in gaps) >= 2
    assert all(1940 < row["birth_year"] < PHOTO_YEAR for row in truth.values())
    assert [user["consent"] for user in users].count(False) == 1
    stated = [(user["gender"], truth[user["user_id"]]["gender"]) for user in users]
    assert any(said is None for said, _ in stated)
    assert all(said == true for said, true in stated if said)
    assert {row["split"] for row in truth.values()} == {"train", "test"}


@pytest.mark.slow
def test_tags_are_mostly_right_sometimes_wrong_and_one_rejected(whole: Path) -> None:
    on: dict[int, set[int]] = {}
    for photo, face in _faces(whole):
        on.setdefault(photo["photo_id"], set()).add(face)
    tags = rows(whole, "tags")
    right = [tag["user_id"] in on.get(tag["photo_id"], ()) for tag in tags]
    assert 2 <= right.count(False) < 0.2 * len(tags)
    sources = Counter(tag["source"] for tag in tags)
    assert sources["rejected"] == 1
    assert min(sources["manual"], sources["confirmed"]) > 5
    assert any(tag["x"] is None for tag in tags)


@pytest.mark.slow
def test_one_picture_is_there_twice_and_no_other_looks_like_a_copy(whole: Path) -> None:
    photos = rows(whole, "photos")
    shown = Counter(photo["photo_id"] for photo, _ in _faces(whole))
    decoded = [decode_photo((whole / photo["uri"]).read_bytes(), Settings().decoding) for photo in photos]
    stands_for = near_duplicates(
        np.array([photo["owner_id"] for photo in photos]),
        np.array([photo.perceptual_hash for photo in decoded], np.uint64),
        np.array([shown[photo["photo_id"]] for photo in photos], np.int16),
        Settings().clustering.duplicate_bits,
    )
    (copy,) = np.flatnonzero(stands_for != np.arange(len(photos)))
    assert photos[copy]["taken_at"] == photos[stands_for[copy]]["taken_at"]
    assert photos[copy]["width"] < photos[stands_for[copy]]["width"]


@pytest.mark.slow
def test_friends_form_two_circles_with_bridges(whole: Path) -> None:
    circle = {member.user_id: member.circle for member in MEMBERS}
    pairs = [(row["user_a"], row["user_b"]) for row in rows(whole, "friendships")]
    assert all(a < b for a, b in pairs)
    assert len(set(pairs)) == len(pairs)
    assert sum(circle[a] != circle[b] for a, b in pairs) == 2
    friends = Counter(user for pair in pairs for user in pair)
    assert min(friends[user] for user in circle) >= 3


def _faces(folder: Path) -> list[tuple[dict[str, Any], int]]:
    photos = {photo["photo_id"]: photo for photo in rows(folder, "photos")}
    return [(photos[face["photo_id"]], face["person_id"]) for face in rows(folder, "truth/faces")]


def _portraits(folder: Path, owner: int) -> list[list[int]]:
    on: dict[int, list[int]] = {}
    for photo, face in _faces(folder):
        if photo["owner_id"] == owner:
            on.setdefault(photo["photo_id"], []).append(face)
    return list(on.values())
