"""Make docs/benchmarks.md and its pictures of the newest run in each results file.

python benchmarks/write_page.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
PICTURES = HERE.parent / "docs" / "images" / "benchmarks"
NOTES = HERE / "notes"  # NAME.md: what a table means, what falls short and why
COMMANDS = {"embed_stream": "python benchmarks/embed_stream.py POPULATION"}  # where `make bench-NAME` is not enough
HEAD = """# Benchmarks

Made by `python benchmarks/write_page.py` of `benchmarks/results/`; each table by the command above it. Both sides ran
in turns in one run on the same data, after their answers were compared; figures are medians. A ratio is the peer's time
over ours: above 1 we are faster.
"""


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown of one run."""
    lines = ["| case | side | units/s | ± quartiles | ratio | wanted |", "| --- | --- | ---: | ---: | ---: | ---: |"]
    for row in rows:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        wanted = "" if row["wanted"] is None else f"≥ {row['wanted']:g}"
        if row["wanted"] is not None and row["ratio"] < row["wanted"]:
            wanted += ", **short**"
        speed = f"{row['units'] / row['median_s']:,.0f} {row['unit']}/s"
        lines.append(f"| {row['case']} | {row['side']} | {speed} | {row['spread']:.1%} | {ratio} | {wanted} |")
    told = [f"- {row['case']}, {row['side']}: {_in_words(row['told'])}" for row in rows if row.get("told")]
    return "\n".join([*lines, *([""] if told else []), *told])


def _in_words(told: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in told.items())


def picture(name: str, title: str, rows: list[dict[str, Any]]) -> Path | None:
    """Bars of the ratios, on a logarithmic scale; None without peers."""
    bars = [row for row in rows if row["ratio"]]
    if not bars:
        return None
    mpl.rcParams["svg.hashsalt"] = name
    figure, axes = plt.subplots(figsize=(8, 0.5 + 0.35 * len(bars)), layout="constrained")
    labels = [f"{row['case']} · {row['side']}" for row in bars]
    axes.barh(labels, [row["ratio"] for row in bars], color="#4878a8", height=0.6)
    for place, row in enumerate(bars):
        axes.text(row["ratio"], place, f" {row['ratio']:.1f}", va="center", fontsize=8)
        if row["wanted"]:
            axes.plot([row["wanted"]] * 2, [place - 0.4, place + 0.4], color="#c04040", linewidth=2)
    axes.axvline(1, color="#888888", linewidth=0.8)
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.tick_params(labelsize=8)
    axes.set_title(f"{title}: peer's time over ours (red: wanted)", fontsize=9, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    path = PICTURES / f"{name}.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def section(path: Path) -> str:
    """One results file."""
    kept = json.loads(path.read_text())
    run = kept["runs"][-1]
    drawn = picture(path.stem, kept["title"], run["rows"])
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items() if version)
    note = NOTES / f"{path.stem}.md"
    parts = [
        f"## {kept['title']}",
        f"    {COMMANDS.get(path.stem, f'make bench-{path.stem}')}",
        table(run["rows"]),
        "\n".join(f"- {fact}" for fact in run.get("facts", [])),
        f"![ratios](images/benchmarks/{drawn.name})" if drawn else "",
        note.read_text().strip() if note.exists() else "",
        f"{run['at'][:10]}, commit {run['commit']}, {run['cores']} cores of {run['processor']}, "
        f"{run['memory_gib']} GiB, threads: {run['threads']}; Python {run['python']}, {versions}.",
    ]
    return "\n\n".join(part for part in parts if part)


def main() -> None:
    """Write the page."""
    files = [path for path in sorted((HERE / "results").glob("*.json")) if "runs" in json.loads(path.read_text())]
    PAGE.write_text("\n\n".join([HEAD.strip(), *map(section, files)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
