"""The page: whole, well formed, self-contained, and safe whatever people are called."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from profiling.audit import audit_bucket, combine, hubs_of
from profiling.report import ReportData, Unresolved, UserStory, render_generation, render_report, render_user
from profiling.settings import AuditSettings
from profiling.tables import (
    MEMBERS,
    PEOPLE,
    SCORES,
    SEEN,
    SELECTION,
    USERS,
    clusters_schema,
    faces_schema,
    profiles_schema,
)
from tests.profiling.report.drawn_report import make_report, make_story

VOID = {"meta", "img", "br", "link", "line", "path", "circle", "rect"}  # the last four are SVG's, closed by a slash
NAMES = [
    "王小明",
    "عمر",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "O'Neil & {{ 7*7 }}",
    "a" * 300,
]


class Page(HTMLParser):
    """What a browser would see: elements with attributes, text, and whether tags close as they open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag: str, attribute: str) -> list[str]:
        return [found[attribute] for name, found in self.elements if name == tag and attribute in found]

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    def of_class(self, name: str) -> int:
        return sum(name in found.get("class", "").split() for _, found in self.elements)


@pytest.fixture(scope="module")
def report() -> ReportData:
    return make_report(make_story((9, 5, 3), loose=3), make_story((4, 4), second=1, user_id=2**62, name="Ivan & Vera"))


def test_every_section_is_there_and_every_face_is_shown(report: ReportData) -> None:
    page = Page(render_report(report))
    for word in (
        "From photos to profiles", "Users without a profile", "Rounds", "What speaks for a cluster",
        "Against the truth", "Audit", "Albums, one by one", "no cluster leads clearly", "far from friends",
        "Cluster 0 leads by 0.40; 0.21 is asked.", "would lead, by 0.24", "friend 12, 1.10 eps away", "truth: right",
        "Users without a profile, and how near", "0.11 of 0.21", "If this were so, cluster 2 would lead.",
        "Who is served how well", "By gender", "10 no faces, 8 no margin", "What to do: mend degenerate",
        "lost it", "generation g0", "All evidence", "user 77 with 2", "3 of zeros",
    ):  # fmt: skip
        assert word in page.text, word
    faces = 20 + 11
    assert page.of_class("face") == faces * 4  # in rows, on both axes of the grid, on the map
    assert page.of_class("plane") == 2
    assert page.of_class("lead") >= 3
    assert page.count("svg") == 4 + 3  # lines over rounds; histograms of what there is


def test_page_loads_nothing(report: ReportData) -> None:
    html = render_report(report)
    page = Page(html)
    assert all(uri.startswith("data:image/") for uri in page.all("img", "src"))
    assert all(uri.startswith("#") for uri in page.all("a", "href"))
    assert page.count("link") == 0
    assert all(uri.startswith("data:image/jpeg;base64,") for uri in re.findall(r"url\(([^)]*)\)", html))
    assert not re.search(r"https?://|@import|src=.?//", html)
    policy = next(found for found in page.all("meta", "content") if "default-src" in found)
    assert "default-src 'none'" in policy


def test_parts_for_other_pages_are_those_of_the_report(report: ReportData) -> None:
    whole = Page(render_report(report))
    generation = Page(render_generation(report))
    users = [Page(render_user(story)) for story in report.stories]
    said = " ".join(whole.text.split())
    assert " ".join(generation.text.split()) in said
    for user in users:
        assert user.elements[0][1]["id"] == "user"
        scaled = user.text.index("cosine of every pair")  # from here on by this user's faces alone
        assert " ".join(user.text[:scaled].split()) in said
        assert "Back to the users" not in user.text
    assert sum(user.of_class("face") for user in users) == whole.of_class("face")
    assert not any(user.count("script") for user in users)


def test_links_and_names_of_places_fit(report: ReportData) -> None:
    page = Page(render_report(report))
    ids = [found["id"] for _, found in page.elements if "id" in found]
    assert len(ids) == len(set(ids))
    assert {uri[1:] for uri in page.all("a", "href")} <= set(ids)


@pytest.mark.parametrize("name", NAMES)
def test_hostile_texts_are_shown_and_never_run(name: str) -> None:
    story = make_story((2,), loose=1, name=name)
    story = replace(story, facts=[(name, name)], reason=name, verdict=name, changes=[name])
    plain = Page(render_report(make_report(make_story((2,), loose=1))))
    hostile = replace(make_report(story), title=name, model=name, scorer=name, made_at=name, notes=[name])
    hostile = replace(hostile, unresolved=[Unresolved(1, "no_faces", -1, 0.1, 0.2, name, name)])
    hostile = replace(hostile, user_reasons={name: name, "no_faces": name}, coefficients=[{name: 1.0}])
    page = Page(render_report(hostile))
    assert page.text.count(name) >= 10
    assert page.count("script") == plain.count("script") == 1
    assert page.count("img") == plain.count("img")
    assert not any(key.startswith("on") for _, found in page.elements for key in found)


@pytest.mark.parametrize(
    "story",
    [
        make_story((), loose=0, leader=-1, reason="no_photos"),
        make_story((), loose=2, leader=-1, reason="no_cluster"),
        make_story((3,), loose=0),
        make_story((60, 30), loose=10, leader=-1, reason="no_margin"),
    ],
    ids=["nobody", "no cluster", "no map", "full"],
)
def test_albums_of_any_size_are_shown(story: UserStory) -> None:
    html = render_report(make_report(story))
    page = Page(html)
    assert page.of_class("plane") == (len(story.labels) >= 4)
    assert ("too few for a map" in page.text) == (0 < len(story.labels) < 4)
    assert ("No face to show" in page.text) == (len(story.labels) == 0)
    assert len(html) < 600_000


def test_an_empty_population_without_truth_has_a_report() -> None:
    users, profiles = USERS.empty_table(), profiles_schema(4).empty_table()
    part = audit_bucket(
        users=users,
        people=PEOPLE.empty_table(),
        profiles=[profiles],
        clusters=clusters_schema(4).empty_table(),
        members=MEMBERS.empty_table(),
        selection=SELECTION.empty_table(),
        seen=SEEN.empty_table(),
        faces=faces_schema(4).empty_table(),
        scores=[SCORES.empty_table()],
    )
    audit = combine([part], hubs_of(profiles, AuditSettings()), AuditSettings())
    page = Page(render_report(ReportData("Nobody", "today", "dlib", "none", audit)))
    assert "None: every user has a profile." in page.text
    assert "Against the truth" not in page.text
    assert "Albums, one by one" not in page.text


def test_same_data_gives_the_same_page(report: ReportData) -> None:
    assert render_report(report) == render_report(report)


def test_broken_vectors_and_unknown_margins_are_shown() -> None:
    story = make_story((4, 2), loose=1, leader=-1, reason="no_margin")
    story.vectors[:3] = np.nan
    nothing = [replace(story.clusters[0], evidence=dict.fromkeys(story.clusters[0].evidence, float("nan")))]
    page = Page(render_report(make_report(replace(story, clusters=[*nothing, story.clusters[1]]))))
    assert "not known" in page.text
    assert "nan" not in page.text.lower().replace(story.name.lower(), "")
