"""What a field of a form asks for, in words and as a pattern: the words are what Airflow says when it refuses a value.

Airflow checks forms by JSON schema and shows the checker's own sentence. For a pattern that is the pattern; for a
*format* it is the format's name. So the names here are sentences, and `teach_wordings` tells the checker what they
mean: in every process that checks a form, which is why the plugin calls it as well as the forms do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from jsonschema import FormatChecker

_NO_CONTROL = r"[^\x00-\x1f\x7f]"
_IN_A_STORE = rf"(s3|gs|az)://[^/\x00-\x20\x7f]+(/{_NO_CONTROL}*)?"  # profiling.object_paths.SCHEMES
_ID = r"-?[0-9]{1,19}"  # int64 has 19 digits

PLACE = "folder: an absolute path such as /data/people, or a URL such as s3://bucket/people"
LAKE = "folder of a lake: an absolute path such as /data/lake, or s3://bucket/lake (gs:// and az:// as well)"
FOLDER = "folder: an absolute path such as /data/people/truth"
SETTINGS = "settings file: an absolute path that ends in .toml, such as /etc/kith.toml"
SCORER = "scorer's file: an absolute path that ends in .json, such as /data/scorer.json"
NAME = "name: up to 64 letters, digits, dots, dashes and underscores, such as autumn-2026"
WORD = "name or id: 1 to 64 letters, digits, dots, dashes and underscores, such as autumn-2026"
STORE = "profile store: arrow:///FOLDER, cassandra://USER@HOST/KEYSPACE or connection://ID, without blanks"
MODEL = "network's name as kith models list shows it, such as edgeface-xs"
USERS = (
    "choice of users: all, unresolved, whole numbers between commas such as 17, 42, or a file such as /data/users.txt"
)

PATTERNS = {
    PLACE: rf"^(/|[a-z][a-z0-9+.-]*://){_NO_CONTROL}+$",  # jobs run in another folder: nothing relative
    LAKE: rf"^(/{_NO_CONTROL}+|{_IN_A_STORE})$",
    FOLDER: rf"^/{_NO_CONTROL}+$",
    SETTINGS: rf"^/{_NO_CONTROL}+\.toml$",
    SCORER: rf"^/{_NO_CONTROL}+\.json$",
    NAME: r"^[A-Za-z0-9_.-]{0,64}$",
    WORD: r"^[A-Za-z0-9_.-]{1,64}$",
    STORE: r"^(arrow:///|cassandra://|connection://)[^\x00-\x20\x7f]+$",
    MODEL: r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
    USERS: rf"^(all|unresolved|{_ID}([, ]+{_ID})*|/{_NO_CONTROL}+|{_IN_A_STORE})$",
}
OR_NOTHING = "; it may also be left empty"


def asks_for(words: str, optional: bool = False) -> dict[str, Any]:
    """Rules of a text field; `optional`: null is allowed.

    The format stands before the pattern, since of two errors the first is shown. The pattern is what refuses where
    nobody taught the words.
    """
    kind = ["null", "string"] if optional else "string"
    return {"format": words + OR_NOTHING * optional, "pattern": PATTERNS[words], "type": kind}


def teach_wordings() -> None:
    """Tell this process's checkers of JSON schemas what the words mean."""
    for words, pattern in PATTERNS.items():
        fits: Callable[[object], bool] = partial(_fits, re.compile(pattern))
        FormatChecker.checkers[words] = (fits, ())
        FormatChecker.checkers[words + OR_NOTHING] = (partial(_fits_or_is_none, fits), ())


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.search(value) is not None


def _fits_or_is_none(fits: Callable[[object], bool], value: object) -> bool:
    return value is None or fits(value)
