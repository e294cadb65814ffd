"""One self-contained HTML page out of a report's data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from profiling.audit import READ_WELL
from profiling.explaining import EVIDENCE_HINTS, EVIDENCE_LABELS
from profiling.report.audit_section import show_audit
from profiling.report.charts import Bar, Line, diverging, growing, line_of_shares, number, percent
from profiling.report.data import ReportData, UserStory
from profiling.report.similarity import COLOURS, scale_start
from profiling.report.user_page import show_user
from profiling.report.words import METRICS
from profiling.tables import NO_CLUSTER

NOTHING = "–"  # where there is no value
HERE = Path(__file__).parent


def render_report(report: ReportData) -> str:
    """The report as one HTML file: styles, script and pictures inside, nothing loaded from anywhere.

    All texts are escaped. The file takes about 300 kB for a user with 100 faces, 40 kB besides.
    """
    start = scale_start(report.stories)
    return (
        _environment()
        .get_template("template.html")
        .render(
            _sections(report),
            style=Markup(style_sheet()),  # noqa: S704 - our own file
            script=Markup(script()),  # noqa: S704 - our own file
            unresolved=_unresolved(report),
            scale=_scale(start),
            users=[show_user(story, start) for story in report.stories],
        )
    )


def render_generation(report: ReportData) -> str:
    """What a generation's own record tells, as HTML to put into a page: funnel, rounds, scorer, gates, groups.

    Users are not in it. The page needs `style_sheet`.
    """
    return _environment().get_template("generation.html").render(_sections(report))


def render_user(story: UserStory) -> str:
    """One user's clusters, faces and explanation as HTML to put into a page that has `style_sheet` and `script`."""
    start = scale_start([story])
    user = {"user": show_user(story, start), "anchor": "user", "back": False, "scale": _scale(start)}
    return _environment().get_template("user.html").render(user)


def style_sheet() -> str:
    """The style sheet of all pages."""
    return (HERE / "style.css").read_text(encoding="utf-8")


def script() -> str:
    """What the grid of similarities needs to be read by pointer and arrow keys."""
    return (HERE / "report.js").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": percent, "number": number, "count": lambda value: f"{value:,}"}
    return environment


def _sections(report: ReportData) -> dict[str, Any]:
    """What `generation.html` needs."""
    return {
        "report": report,
        "headlines": _headlines(report),
        "funnel": _funnel(report),
        "reasons": _reasons(report),
        "photo_failures": _photo_failures(report),
        "lines": _lines(report),
        "coefficients": _coefficients(report),
        "audit": show_audit(report),
        "metrics": _metrics(report.evaluation),
        "kinds": _kinds(report.evaluation),
    }


def _scale(start: float) -> dict[str, Any]:
    """The colours of the similarity grid."""
    return {"start": number(start), "colours": [f"rgb({r} {g} {b})" for r, g, b in COLOURS.tolist()]}


def _headlines(report: ReportData) -> list[dict[str, str]]:
    audit = report.audit
    photos, faces = audit["photos"], audit["faces"]["norms"]["faces"]
    tiles = [
        ("Users", f"{audit['users']:,}", f"{audit['clusters']['users']:,} with a cluster of faces"),
        ("Photos looked at", f"{photos['looked_at']:,}", f"{_per(photos['looked_at'], audit['users'])} a user"),
        ("Faces found", f"{faces:,}", f"{_per(faces, photos['looked_at'])} a photo"),
        (
            "Users with a profile",
            f"{audit['profiles']:,}",
            f"{percent(_share(audit['profiles'], audit['users']))} of all",
        ),
    ]
    if report.evaluation is not None:
        for key in ("precision", "leader_accuracy"):
            name, meaning = METRICS[key]
            tiles.append((name, percent(report.evaluation[key]["value"]), meaning))
    return [{"name": name, "value": value, "note": note} for name, value, note in tiles]


def _funnel(report: ReportData) -> list[Bar]:
    """Photos, faces, clusters and profiles on one scale; each says what share of the step before it is."""
    audit = report.audit
    photos, faces, clusters = audit["photos"], audit["faces"], audit["clusters"]["number"]
    selected, found, clustered = photos["selected"], faces["norms"]["faces"], faces["by_state"].get("member", 0)
    read = sum(photos["by_reason"].get(reason, 0) for reason in READ_WELL)
    profiles = audit["profiles"] + audit["second_profiles"]
    albums = report.album_photos
    steps = [] if albums is None else [("photos in albums", albums, "", "photos")]
    steps += [
        (
            "photos selected",
            selected,
            "" if albums is None else f"{percent(_share(selected, albums))} of them",
            "photos",
        ),
        ("photos read", read, f"{percent(_share(read, selected))} of them", "photos"),
        ("faces found", found, f"{_per(found, read)} a photo", "faces-step"),
        ("faces in clusters", clustered, f"{percent(_share(clustered, found))} of them", "faces-step"),
        ("clusters", clusters, f"{_per(clustered, clusters)} faces each", ""),
        (
            "profiles",
            profiles,
            f"of {audit['profiles']:,} users, {percent(_share(audit['profiles'], audit['users']))}",
            "",
        ),
    ]
    largest = max(count for _, count, _, _ in steps)
    return [
        Bar(label, f"{count:,}", 0.0, count / largest if largest else 0.0, note=note, tone=tone)
        for label, count, note, tone in steps
    ]


def _reasons(report: ReportData) -> list[Any]:
    """Users without a profile by reason, the commonest first."""
    return growing(_sorted(report.audit["users_by_reason"], leave="ok"), report.user_reasons)


def _photo_failures(report: ReportData) -> list[Any]:
    return growing(_sorted(report.audit["photos"]["by_reason"], leave="ok"), report.photo_reasons)


def _lines(report: ReportData) -> list[Line]:
    rounds = report.audit["rounds"]
    lines = [
        line_of_shares("Users whose profile moved", [_share(row["moved"], row["users"]) for row in rounds]),
        line_of_shares("Users with a profile", [_share(row["profiles"], row["users"]) for row in rounds]),
    ]
    if report.evaluation is not None:
        rounds = report.evaluation["rounds"]
        lines += [
            line_of_shares(METRICS[key][0], [row[key]["value"] for row in rounds])
            for key in ("leader_accuracy", "precision")
        ]
    return lines


def _coefficients(report: ReportData) -> list[dict[str, Any]]:
    """Bars of round 0 and of the last rounds, evidence of the largest coefficient first."""
    if not report.coefficients:
        return []
    rounds = [("round 0, without friends", report.coefficients[0])]
    if len(report.coefficients) > 1:
        rounds.append(("later rounds", report.coefficients[-1]))
    scale = max((abs(value) for _, row in rounds for value in row.values()), default=1.0)
    last = rounds[-1][1]
    names = sorted({name for _, row in rounds for name in row}, key=lambda name: (-abs(last.get(name, 0.0)), name))
    return [
        {"title": title, "bars": diverging({n: row.get(n, 0.0) for n in names}, scale, EVIDENCE_LABELS, EVIDENCE_HINTS)}
        for title, row in rounds
    ]


def _unresolved(report: ReportData) -> list[dict[str, Any]]:
    """Users without a profile by reason: first those who came near to one, then the commonest reasons."""
    found = []
    for reason, count in _sorted(report.audit["users_by_reason"], leave="ok").items():
        rows = [
            {
                "user_id": one.user_id,
                "found": one.found,
                "nearest": NOTHING if one.cluster == NO_CLUSTER else f"cluster {one.cluster}",
                "margin": f"{number(one.margin)} of {number(one.asked)}" if math.isfinite(one.margin) else NOTHING,
                "change": one.change,
            }
            for one in report.unresolved
            if one.reason == reason
        ]
        near = any(row["nearest"] != NOTHING for row in rows)
        found.append({"reason": report.user_reasons.get(reason, reason), "count": count, "rows": rows, "near": near})
    return sorted(found, key=lambda group: not group["near"])


def _metrics(evaluation: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if evaluation is None:
        return []
    rows = ((name, meaning, evaluation.get(key)) for key, (name, meaning) in METRICS.items())
    return [{"name": name, "meaning": meaning, **found} for name, meaning, found in rows if found is not None]


def _kinds(evaluation: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    found = {} if evaluation is None else evaluation.get("by_kind", {})
    return [] if list(found) == ["unknown"] else [{"kind": kind, **row} for kind, row in found.items()]


def _sorted(counts: Mapping[str, int], leave: str) -> dict[str, int]:
    left = [(key, count) for key, count in counts.items() if key != leave and count]
    return dict(sorted(left, key=lambda pair: (-pair[1], pair[0])))


def _share(count: int, of: int) -> float | None:
    return count / of if of else None


def _per(count: int, of: int) -> str:
    return number(_share(count, of), 1)
