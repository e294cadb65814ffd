"""Imports only go down: dags > ray_tasks > profiling, graph; and what no floor may contain."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("dags", "ray_tasks", "profiling", "graph")

PICKLES = frozenset({"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"})
NOT_FOR = {  # floor -> packages that it must not import, anywhere in its files
    "graph": frozenset({"ray", "airflow", "profiling", "ray_tasks", "dags"}) | PICKLES,
    "profiling": frozenset({"ray", "airflow", "graph", "ray_tasks", "dags"}) | PICKLES,
    "ray_tasks": frozenset({"airflow", "dags"}) | PICKLES,
    "dags": frozenset({"torch", "numpy", "pandas", "sklearn", "networkx"}) | PICKLES,
}
ALLOWED = {("profiling/weights.py", "joblib")}  # converts the mtcnn package's files, once, after their hash matched


def imports(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything a file imports, inside functions and by name included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            # `from a import b` may name a module, and `from .. import b` climbs out of a package into another one
            yield from ((node.lineno, f"{source}.{alias.name}".lstrip(".")) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"import_module", "__import__"}:
            named = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
            yield from ((node.lineno, str(name)) for name in named)


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and reason of calls that print, or that unpickle through a library."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if name in {"print", "builtins.print"}:
            yield node.lineno, "calls print: log, or use the command line's console"
        if keywords.get("allow_pickle", "False") != "False":
            yield node.lineno, f"{name} with allow_pickle: no pickles"
        if name == "torch.load" and keywords.get("weights_only") != "True":
            yield node.lineno, "torch.load without weights_only=True: no pickles"


def violations(root: Path) -> list[str]:
    """Every breach below `root` as "file:line: what", in order of files and lines."""
    found: list[str] = []
    for floor in PACKAGES:
        for path in sorted((root / floor).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            tree = ast.parse(path.read_text(encoding="utf-8"), filename=name)
            breaches = set(calls(tree))
            for line, module in imports(tree, ".".join(path.relative_to(root).parent.parts)):
                top = module.split(".")[0]
                if top in NOT_FOR[floor] and (name, top) not in ALLOWED:
                    breaches.add((line, f"imports {top} ({module}), which floor {floor} must not know"))
            found += [f"{name}:{line}: {what}" for line, what in sorted(breaches)]
    return found


def test_the_floors_hold() -> None:
    found = violations(ROOT)
    assert not found, "\n".join(found)


def test_every_floor_is_looked_at() -> None:
    for package in PACKAGES:
        assert list((ROOT / package).rglob("*.py")), f"{package}: no files; is the tree another one?"


PLANTED = [
    ("graph/ages.py", "import ray", "imports ray"),
    ("graph/ages.py", "from airflow.sdk import dag", "imports airflow"),
    ("graph/ages.py", "from profiling.errors import KithError", "imports profiling"),
    ("profiling/a/b.py", "def late():\n    import ray.util", "imports ray"),
    ("profiling/a/b.py", "import numpy, graph.ages", "imports graph"),
    ("profiling/a/b.py", "from ... import ray_tasks", "imports ray_tasks"),
    ("profiling/b.py", "if TYPE_CHECKING:\n    from ray_tasks.lake import Lake", "imports ray_tasks"),
    ("profiling/b.py", "import importlib\nray = importlib.import_module('ray.data')", "imports ray"),
    ("profiling/b.py", "ray = __import__('ray')", "imports ray"),
    ("profiling/b.py", "import joblib", "imports joblib"),
    ("profiling/b.py", "import pickle as p", "imports pickle"),
    ("ray_tasks/b.py", "from ray import cloudpickle\nimport cloudpickle", "imports cloudpickle"),
    ("ray_tasks/b.py", "try:\n    import airflow\nexcept ImportError:\n    airflow = None", "imports airflow"),
    ("ray_tasks/b.py", "import dags.nightly", "imports dags"),
    ("dags/b.py", "def task():\n    import numpy as np", "imports numpy"),
    ("dags/b.py", "from sklearn.cluster import DBSCAN", "imports sklearn"),
    ("ray_tasks/b.py", "print('done')", "calls print"),
    ("profiling/b.py", "np.load(path, allow_pickle=True)", "no pickles"),
    ("profiling/b.py", "torch.load(path)", "no pickles"),
]


@pytest.mark.parametrize(("name", "source", "said"), PLANTED)
def test_a_planted_breach_is_named_with_its_file(tmp_path: Path, name: str, source: str, said: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(source, encoding="utf-8")
    found = violations(tmp_path)
    assert len(found) == 1, found
    assert found[0].startswith(f"{name}:")
    assert said in found[0]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (
            "ray_tasks/b.py",
            "import ray\nfrom profiling import tables\nfrom graph.ages import SOURCES\nfrom . import lake",
        ),
        ("dags/b.py", "from airflow.sdk import dag\nfrom ray_tasks.lake import Lake"),
        (
            "profiling/b.py",
            "import rayon_like\nfrom .graph import x\nconsole.print('a')\ntorch.load(p, weights_only=True)",
        ),
        ("profiling/weights.py", "import joblib"),
    ],
)
def test_what_is_allowed_passes(tmp_path: Path, name: str, source: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(source, encoding="utf-8")
    assert violations(tmp_path) == []
