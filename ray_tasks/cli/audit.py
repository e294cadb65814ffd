"""`kith audit`: what the audit found, table by table; exit code 1 when a gate failed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ray_tasks.cli.build import show_audit
from ray_tasks.cli.options import GenerationName, Json, LakeFolder, output, print_json
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake

BLOCKS = 30  # of the longest bar of a histogram
REASONS = 3  # of users without a profile that a group's row names
WITHOUT = "without a profile"
HISTOGRAMS = (
    ("clusters by faces", ("clusters", "sizes")),
    ("users by selected photos", ("photos", "by_user")),
    ("margins of users with a profile", ("margins", "profiles")),
    ("margins of users without a leader", ("margins", "unresolved")),
    ("weights of leaders", ("weights", "leaders")),
)


def audit(
    lake: LakeFolder,
    truth: Annotated[Path | None, typer.Option(help="The truth folder: adds errors by group.")] = None,
    generation: GenerationName = None,
    as_json: Json = False,
) -> None:
    """What the audit found: gates, groups, histograms, change; exit code 1 when a gate failed."""
    opened = Lake.open(lake)
    found = find_generation(opened, generation)
    errors = None
    if truth is not None:
        from profiling.evaluation import read_truth
        from ray_tasks.evaluating import group_errors

        errors = group_errors(GenerationTables(opened, found), read_truth(truth))
    if as_json:
        print_json(found.audit | ({} if errors is None else {"errors": errors}))
    else:
        for title, (section, name) in HISTOGRAMS:
            _show_histogram(title, found.audit.get(section, {}).get(name, {}))
        for grouping, groups in found.audit.get("groups", {}).items():
            _show_groups(grouping, groups)
        for grouping, rows in (errors or {}).items():
            _show_errors(grouping, rows)
        _show_vectors(found.audit)
        _show_change(found.audit.get("change"))
        show_audit(found.id, found.audit)
    if not found.audit["passed"]:
        raise typer.Exit(1)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place and name != WITHOUT else "left", no_wrap=True)
    return table


def _show_histogram(title: str, counts: Mapping[str, int]) -> None:
    filled = [place for place, count in enumerate(counts.values()) if count]
    if not filled:
        return
    largest = max(counts.values())
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    for name, count in list(counts.items())[filled[0] : filled[-1] + 1]:
        table.add_row(name, f"{count:,}", "█" * round(BLOCKS * count / largest))
    output.print(table)
    output.print()


def _show_groups(grouping: str, groups: Sequence[Mapping[str, Any]]) -> None:
    table = _table(f"coverage by {grouping}", grouping, "users", "with a cluster", "profiles", "coverage", WITHOUT)
    for group in groups:
        counts = ("users", "with_cluster", "profiles")
        reasons = sorted(group["reasons"].items(), key=lambda item: (-item[1], item[0]))
        without = [f"{count} {key.replace('_', ' ')}" for key, count in reasons if key != "ok"][:REASONS]
        coverage = "-" if group["coverage"] is None else f"{group['coverage']:.3f}"
        table.add_row(group["name"], *(f"{group[name]:,}" for name in counts), coverage, ", ".join(without))
    output.print(table)
    output.print()


def _show_errors(grouping: str, rows: Sequence[Mapping[str, Any]]) -> None:
    shares = ("coverage", "precision", "leader_accuracy")
    table = _table(f"against the truth, by {grouping}", grouping, "users", "coverage", "precision", "leaders")
    for row in rows:
        table.add_row(row["name"], f"{row['users']:,}", *(_share(row[name]) for name in shares))
    output.print(table)
    output.print()


def _share(value: Mapping[str, Any]) -> str:
    return "-" if value["value"] is None else f"{value['value']:.3f} ({value['count']} of {value['of']})"


def _show_vectors(audit: Mapping[str, Any]) -> None:
    norms, hubs = audit["faces"]["norms"], audit["hubs"]
    if norms["mean"] is not None:
        faults = ", ".join(f"{count} {name}" for name, count in norms.get("by_fault", {}).items())
        repeated = audit["faces"].get("repeated", 0)
        output.print(
            f"{norms['faces']:,} vectors, raw norm {norms['mean']:.3f} ± {norms['sd']:.3f}; broken: {faults}; "
            f"repeated: {repeated:,}",
            highlight=False,
        )
    worst = ", ".join(f"user {hub['user_id']} with {hub['near']}" for hub in hubs["worst"][:3])
    output.print(f"users who share a face with others: {hubs['shared']:,}{f' ({worst})' if worst else ''}")


def _show_change(change: Mapping[str, Any] | None) -> None:
    if change is None:
        output.print("no earlier generation to compare with")
        return
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(change["created"]))
    output.print(
        f"since generation {change['generation']} of {made}: {change['kept']:,} kept their profile "
        f"({change['moved']:,} moved, {change['replaced']:,} show another face), {change['lost']:,} lost it, "
        f"{change['withdrawn']:,} withdrew, {change['gained']:,} gained one; "
        f"{change['new_users']:,} users are new, {change['gone_users']:,} are gone",
        highlight=False,
    )
