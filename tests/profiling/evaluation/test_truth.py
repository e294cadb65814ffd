"""Truth tables: what is refused, and how splits choose."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from profiling.errors import PopulationError
from profiling.evaluation import make_truth, read_truth

FACES = pa.table({"photo_id": [1], "person_id": [5], "x": [0.1], "y": [0.1], "w": [0.2], "h": [0.2]})
USERS = pa.table({"user_id": [6, 5], "person_ids": [[], [5]], "split": ["test", "train"]})
UPLOADS = pa.table(
    {
        "upload_id": [9, 8],
        "uploader_id": [5, 6],
        "uri": ["b.jpg", "a.jpg"],
        "person_ids": [[5, -1], []],
        **{name: [[0.1, 0.5], []] for name in "xywh"},
    }
)


def test_split_chooses_users_and_the_uploads_they_made() -> None:
    part = make_truth(USERS, FACES, UPLOADS).of_split("train")
    assert part.users["user_id"].to_pylist() == [5]
    assert part.uploads["upload_id"].to_pylist() == [9]
    assert part.faces.num_rows == 1


def test_all_is_everybody_and_a_truth_without_uploads_is_legal() -> None:
    truth = make_truth(USERS, FACES)
    assert truth.of_split("all").users.num_rows == 2
    assert truth.uploads.num_rows == 0


@pytest.mark.parametrize(
    ("users", "faces", "uploads", "sentence"),
    [
        (USERS.drop(["person_ids"]), FACES, None, "truth/users.parquet: column 'person_ids' is missing"),
        (pa.concat_tables([USERS, USERS]), FACES, None, "a user_id appears twice"),
        (USERS, FACES.set_column(1, "person_id", pa.array(["x"])), None, "column 'person_id' is string, not int64"),
        (USERS, FACES.set_column(0, "photo_id", pa.array([None], pa.int64())), None, "'photo_id' holds nulls"),
        (USERS, FACES, UPLOADS.set_column(4, "x", pa.array([[0.1], []])), "person_ids, x, y, w and h"),
    ],
)
def test_broken_truth_is_one_clear_line(users: pa.Table, faces: pa.Table, uploads: pa.Table, sentence: str) -> None:
    with pytest.raises(PopulationError) as caught:
        make_truth(users, faces, uploads)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_or_empty_splits_are_refused() -> None:
    truth = make_truth(USERS.drop(["split"]), FACES)
    with pytest.raises(PopulationError, match="use --split all"):
        truth.of_split("test")
    with pytest.raises(PopulationError, match="none of train, test, all"):
        truth.of_split("dev")


def test_folder_without_uploads_is_read_and_without_faces_refused(tmp_path: Path) -> None:
    pq.write_table(USERS, tmp_path / "users.parquet")
    with pytest.raises(PopulationError, match=r"faces\.parquet: cannot be read"):
        read_truth(tmp_path)
    pq.write_table(FACES, tmp_path / "faces.parquet")
    assert read_truth(tmp_path).users["user_id"].to_pylist() == [5, 6]
