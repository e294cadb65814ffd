"""The audit as the report shows it: gates, groups, histograms, hubs, and the change since the last generation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from profiling.report.charts import Histogram, columns, growing, number, percent, trimmed
from profiling.report.data import ReportData
from profiling.report.words import CHANGES, FAULTS, GATES, GROUPINGS

SHOWN_HUBS = 5
ALWAYS = ("kept", "lost", "gained")  # counts of the change that are told even when they are 0


def show_audit(report: ReportData) -> dict[str, Any]:
    """What the template needs of the audit."""
    audit = report.audit
    norms, hubs = audit["faces"]["norms"], audit["hubs"]
    return {
        "passed": audit["passed"],
        "gates": [_gate(gate) for gate in audit["gates"]],
        "histograms": _histograms(audit),
        "cluster_sizes": growing(trimmed(audit["clusters"]["sizes"])),
        "profile_faces": growing(trimmed(audit["profile_faces"])),
        "user_photos": growing(trimmed(audit["photos"]["by_user"])),
        "groups": _groups(report),
        "change": _change(audit["change"]),
        "norm": f"{number(norms['mean'])} ± {number(norms['sd'])}",
        "faults": [f"{count:,} {FAULTS.get(name, name)}" for name, count in norms["by_fault"].items() if count],
        "hubs": hubs["worst"][:SHOWN_HUBS],
        "shared": hubs["shared"],
    }


def _gate(gate: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": GATES.get(gate["name"], gate["name"]),
        "meaning": gate["meaning"] + (f": {gate['detail']}" if gate["detail"] else ""),
        "rule": f"{gate['rule']} {_value(gate['limit'])}",
        "value": _value(gate["value"]),
        "passed": gate["passed"],
        "judged": gate["value"] is not None,
        "advice": gate["advice"],
    }


def _histograms(audit: Mapping[str, Any]) -> list[Histogram]:
    margins, weights = audit["margins"], audit["weights"]
    made = (
        ("Margins of profiles", margins["profiles"]),
        ("Margins without a leader", margins["unresolved"]),
        ("Weights of leaders", weights["leaders"]),
        ("Weights of all clusters", weights["all"]),
    )
    return [columns(title, counts) for title, counts in made if any(counts.values())]


def _groups(report: ReportData) -> list[dict[str, Any]]:
    """By grouping the groups with coverage and reasons, and their errors where the truth is known.

    Errors by kind stand in the section on the truth.
    """
    names = [name for name in GROUPINGS if name in report.audit["groups"]]
    found = []
    for name in names:
        counted = {row["name"]: row for row in report.audit["groups"].get(name, [])}
        judged = {row["name"]: row for row in report.errors.get(name, [])}
        rows = [_group(one, counted.get(one), judged.get(one)) for one in dict.fromkeys([*counted, *judged])]
        found.append({"title": GROUPINGS.get(name, name), "rows": rows})
    return found


def _group(name: str, counted: Mapping[str, Any] | None, judged: Mapping[str, Any] | None) -> dict[str, Any]:
    reasons = {} if counted is None else {key: n for key, n in counted["reasons"].items() if key != "ok"}
    common = sorted(reasons, key=lambda key: (-reasons[key], key))[:2]
    source: Mapping[str, Any] = counted or judged or {}
    return {
        "name": name,
        "users": source["users"],
        "coverage": None if counted is None else counted["coverage"],
        "reasons": ", ".join(f"{reasons[key]} {key.replace('_', ' ')}" for key in common),
        "precision": None if judged is None else judged["precision"],
        "covered": None if judged is None else judged["coverage"],
    }


def _change(change: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if change is None:
        return None
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(change["created"]))
    return {
        "since": f"generation {change['generation']} of {made}",
        "bars": growing({name: change[name] for name in CHANGES if change[name] or name in ALWAYS}, CHANGES),
    }


def _value(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else percent(value)
