"""Which lakes the pages show, and the profile store of each: what is configured, and what DAG runs were told."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.models import Variable
from airflow.models.dagrun import DagRun
from sqlalchemy import select
from sqlalchemy.orm import Session

from dags.wordings import LAKE as LAKE_WORDS
from dags.wordings import PATTERNS

LAKE, STORE = "KITH_LAKE", "KITH_STORE"  # of the environment
LAKE_VARIABLE, STORE_VARIABLE = "kith_lake", "kith_store"  # of Airflow, as nightly runs read them
MAKERS = ("rebuild_profiles", "nightly_profiles")  # DAGs whose runs make generations
LOOKED_AT = 200  # newest runs of these DAGs
KEY_DIGITS = 12
LAKE_PATTERN = re.compile(PATTERNS[LAKE_WORDS])  # as the forms have it


@dataclass(frozen=True)
class LakePlace:
    """A lake's folder and the URI of its profile store, None where none is known; `key` stands for it in addresses."""

    lake: str
    store: str | None

    @property
    def key(self) -> str:
        """Hexadecimal digits that name this lake, so that no address ever names a folder."""
        return hashlib.blake2b(self.lake.encode(), digest_size=KEY_DIGITS // 2).hexdigest()


def known_places(session: Session) -> dict[str, LakePlace]:
    """Lakes by key: the configured one, then those of the newest runs."""
    told = [_told(run.conf) for run in _runs(session)]
    lakes = dict.fromkeys(lake for lake in (_configured_lake(), *(lake for lake, _ in told)) if lake)
    places = (LakePlace(lake, _store(lake, told)) for lake in lakes)
    return {place.key: place for place in places}


def place_of_run(session: Session, run: DagRun) -> LakePlace | None:
    """Where a run's generation is; None when neither the run nor the configuration names a lake."""
    lake, store = _told(run.conf)
    lake = lake or _configured_lake()
    if not lake:
        return None
    return LakePlace(
        lake, os.environ.get(STORE) or store or _store(lake, [_told(each.conf) for each in _runs(session)])
    )


def _configured_lake() -> str | None:
    return os.environ.get(LAKE) or Variable.get(LAKE_VARIABLE, default_var=None)


def _store(lake: str, told: list[tuple[str | None, str | None]]) -> str | None:
    """The store of the environment, of the newest run over this lake, or of nightly runs."""
    given = (store for of, store in told if of == lake and store)
    return os.environ.get(STORE) or next(given, None) or Variable.get(STORE_VARIABLE, default_var=None)


def _told(conf: Any) -> tuple[str | None, str | None]:
    """Lake and store of a run's form."""
    form: Mapping[str, Any] = conf if isinstance(conf, Mapping) else {}
    lake, store = form.get("lake"), form.get("store")
    return (
        lake if isinstance(lake, str) and LAKE_PATTERN.search(lake) else None,
        store if isinstance(store, str) and store else None,
    )


def _runs(session: Session) -> Iterator[DagRun]:
    newest = select(DagRun).where(DagRun.dag_id.in_(MAKERS)).order_by(DagRun.run_after.desc()).limit(LOOKED_AT)
    yield from session.scalars(newest)
