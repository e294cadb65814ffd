"""What every worker imports is what it needs: seconds that all of them pay."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_tasks.hiding import read_raw

HEAVY = ("pandas", "torch", "networkx", "matplotlib")


def test_reading_a_table_imports_nothing_heavy(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": [1, 2], "b": [3, 4]}), path)
    script = (
        "import sys; from pathlib import Path; import ray_tasks.stages.cluster, ray_tasks.stages.score;"
        "from ray_tasks.hiding import read_raw; read_raw(Path(sys.argv[1]), ['b']);"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_columns_come_in_the_order_asked_for_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": [1, 2], "b": [3, 4]}), path)
    assert read_raw(path, ["b", "a"]).column_names == ["b", "a"]
    with pytest.raises(KeyError):
        read_raw(path, ["b", "missing"])
