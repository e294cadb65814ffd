"""A log cut anywhere gives the same lines; its end gives the reason or the result."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dags.operators.job_log import LogLines

PIECES = st.lists(st.text("ab\n {}", max_size=8), max_size=12)


def said(*pieces: str) -> tuple[list[str], LogLines]:
    lines: list[str] = []
    log = LogLines(lines.append)
    for piece in pieces:
        log.feed(piece)
    log.close()
    return lines, log


@given(PIECES)
def test_lines_do_not_depend_on_how_the_log_arrives(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert said(*pieces)[0] == said(text)[0] == text.removesuffix("\n").split("\n") * bool(text)


def test_the_reason_is_the_last_line_that_says_something() -> None:
    assert said("Traceback\n", "kith: users.parquet: is no such thing\n", "\n  \n")[1].reason() == (
        "kith: users.parquet: is no such thing"
    )
    assert said()[1].reason() == "its log is empty"


def test_the_document_at_the_end_is_the_result() -> None:
    assert said('embed: done\n{\n  "a": {\n    "b": [1]\n  }\n}\n')[1].document() == {"a": {"b": [1]}}
    assert said('{"a": 1}')[1].document() == {"a": 1}
    assert said('{"a": 1}\nand more\n')[1].document() is None
    assert said("no more\n")[1].document() is None
