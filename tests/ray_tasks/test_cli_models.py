"""`kith models`: a network of one's own is added, listed and compared beside a built-in one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import save_file
from typer.testing import CliRunner

from profiling.embedding.iresnet import UNITS, IResNet
from profiling.embedding.registry import MODELS_FOLDER
from profiling.errors import KithError, SettingsError
from ray_tasks.cli.models import app
from ray_tasks.cli.network_options import read_channels, read_colour, read_template

DIM = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with the random weights of an IResNet-50."""
    folder = tmp_path_factory.mktemp("models")
    save_file(IResNet(UNITS["iresnet50"], DIM).state_dict(), folder / "w.safetensors")
    return folder


@pytest.mark.slow
def test_a_network_is_added_listed_and_compared(drawn: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(folder))
    runner = CliRunner()
    options = ["--layout", "iresnet50", "--colour", "bgr", "--scale", "128", "--dim", str(DIM), "--licence", "ours"]
    added = runner.invoke(app, ["add", str(folder / "w.safetensors"), "--id", "mine", *options])
    assert added.exit_code == 0, added.output
    assert "kith models calibrate mine" in added.output
    rows = {row["id"]: row for row in json.loads(runner.invoke(app, ["list", "--json"]).stdout)}
    assert rows["mine"]["dimension"] == DIM
    assert rows["mine"]["origin"] == "described"
    assert rows["mine"]["weights"] == str(folder / "w.safetensors")
    assert rows["mine"]["calibration"] is rows["mine"]["scorer"] is None
    assert rows["dlib"]["calibration"]
    assert rows["dlib"]["scorer"]
    asked = [
        "compare",
        str(drawn),
        "--truth",
        str(drawn / "truth"),
        "--model",
        "dlib",
        "--model",
        "mine",
        "--albums",
        "2",
    ]
    compared = runner.invoke(app, [*asked, "--json"])
    assert compared.exit_code == 0, compared.output
    dlib, mine = json.loads(compared.stdout)
    assert (dlib["dimension"], mine["dimension"]) == (128, DIM)
    assert dlib["faces"] == mine["faces"] > 10
    assert dlib["calibrated"] > mine["calibrated"]
    assert dlib["true_accepts"] > mine["true_accepts"]  # random weights know nobody
    assert dlib["faces_per_second"] > 0
    assert "dlib" in runner.invoke(app, asked).stdout


def test_a_truth_of_another_population_is_refused(drawn: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"user_id": [1], "person_ids": [[1]]}), tmp_path / "users.parquet")
    faces = {"photo_id": [-5], "person_id": [1], **{name: [0.1] for name in "xywh"}}
    pq.write_table(pa.table(faces), tmp_path / "faces.parquet")
    done = CliRunner().invoke(
        app, ["compare", str(drawn), "--truth", str(tmp_path), "--model", "dlib", "--albums", "1"]
    )
    assert isinstance(done.exception, KithError)
    assert "no face that was detected is known" in str(done.exception)


@pytest.mark.parametrize("text", ["1,2", "a", "1,2,3,4", ""])
def test_channels_are_one_number_or_three(text: str) -> None:
    assert read_channels("--mean", "2") == (2.0, 2.0, 2.0)
    assert read_channels("--mean", "1,2,3") == (1.0, 2.0, 3.0)
    with pytest.raises(SettingsError, match=r"^--mean"):
        read_channels("--mean", text)


def test_templates_have_a_name_or_ten_numbers() -> None:
    scaled = read_template("arcface", 224, "onnx")
    assert scaled is not None
    assert scaled[0] == pytest.approx((76.5892, 103.3926))
    assert read_template("0,1,2,3,4,5,6,7,8,9", None, "onnx") == ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))
    with pytest.raises(SettingsError, match="ten numbers"):
        read_template("1,2", None, "onnx")
    with pytest.raises(SettingsError, match="rgb or bgr"):
        read_colour("gbr")
