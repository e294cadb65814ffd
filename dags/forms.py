"""The fields of the trigger form, with ranges and words taken from the settings themselves."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from dags.stage_tasks import MOST_ROUNDS
from profiling.settings import Settings

MODELS = ("dlib", "edgeface-xs")  # proposed; any other that `kith models list` shows may be written in
PUBLISHING = NEVER, APPROVED, AUTOMATIC = "never", "after approval", "automatic"  # when to publish
INPUT, NETWORK, OUTCOME, CARE = "What to build from", "How to build", "What becomes of it", "Special cases"  # sections

_NO_CONTROL = r"[^\x00-\x1f\x7f]"
PLACE = rf"^(/|[a-z][a-z0-9+.-]*://){_NO_CONTROL}+$"  # an absolute path or a URL: jobs run in another folder
NAME = r"^[A-Za-z0-9_.-]{0,64}$"
STORE = r"^(arrow:///|cassandra://|connection://)[^\x00-\x20\x7f]+$"
MODEL = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


def setting(name: str, title: str, section: str, **rules: Any) -> Param:
    """A field for `section.name` of the settings: default, range and description are the setting's own."""
    group, _, field = name.partition(".")
    model = type(getattr(Settings(), group))
    info = model.model_json_schema()["properties"][field]
    known = {key: info[key] for key in ("type", "minimum", "maximum") if key in info}
    text = str(info["description"])
    return Param(info["default"], title=title, description=_sentence(text), section=section, **known | rules)


def nightly_form() -> dict[str, Param]:
    """The form of a nightly run; what is left empty comes from Airflow's variables."""
    return {
        "population": population_field(default=None, type=["null", "string"]),
        "lake": lake_field(default=None, type=["null", "string"]),
        **publish_fields(),
        "publish": publish_field([None, *PUBLISHING], default=None, type=["null", "string"]),
    }


def forgetting_form() -> dict[str, Param]:
    """The form of an erasure; what is left empty comes from Airflow's variables."""
    return retention_form() | {
        "now": Param(
            False,
            type="boolean",
            title="At once",
            description="Erase all who wait now; otherwise when the time of one of them is nearly over.",
            section=OUTCOME,
        )
    }


def compaction_form() -> dict[str, Param]:
    """The form of a compaction; what is left empty comes from Airflow's variables."""
    return {"lake": lake_field(default=None, type=["null", "string"])}


def retention_form() -> dict[str, Param]:
    """Lake and store; what is left empty comes from Airflow's variables."""
    return {
        "lake": lake_field(default=None, type=["null", "string"]),
        "store": store_field(
            "arrow:///FOLDER, cassandra://USER@HOST/KEYSPACE or connection://ID: published to from the lake."
        ),
    }


def store_field(description: str) -> Param:
    """Which profile store."""
    return Param(
        None,
        type=["null", "string"],
        title="Profile store",
        description=description,
        pattern=STORE,
        section=OUTCOME,
    )


def training_form() -> dict[str, Param]:
    """The form of a scorer's training."""
    return {
        "lake": lake_field(type="string"),
        "truth": Param(
            None,
            type=["null", "string"],
            title="Truth",
            description="Folder with the truth about some users: an absolute path. Empty: the owners whom tags name.",
            pattern=rf"^/{_NO_CONTROL}+$",
            section=INPUT,
        ),
        "out": Param(
            type="string",
            title="File of the scorer",
            description="An absolute path that ends in .json; a picture of its curve is put beside it.",
            pattern=rf"^/{_NO_CONTROL}+\.json$",
            section=OUTCOME,
        ),
        "precision": Param(
            0.99,
            type="number",
            minimum=0.5,
            maximum=1,
            title="Wanted precision",
            description="Profiles that are their owner's, of all profiles: what the margin aims at.",
            section=NETWORK,
        ),
    }


def publish_field(values: list[str | None], **rules: Any) -> Param:
    """When to publish."""
    return Param(
        title="Publish",
        description="Automatic asks for approval too when a gate has failed.",
        enum=values,
        section=OUTCOME,
        **rules,
    )


def population_field(**rules: Any) -> Param:
    """Where the population lies."""
    return Param(
        title="Population",
        description="Folder with users.parquet and photos.parquet: an absolute path or a URL. Every Ray node sees it.",
        pattern=PLACE,
        section=INPUT,
        **rules,
    )


def lake_field(**rules: Any) -> Param:
    """Where the lake lies."""
    return Param(
        title="Lake",
        description="Folder of results: an absolute path. It is made when it is not there, and used again when it is.",
        pattern=rf"^/{_NO_CONTROL}+$",
        section=INPUT,
        **rules,
    )


def rebuild_form() -> dict[str, Param]:
    """The form of a whole rebuild."""
    return {
        "population": population_field(type="string"),
        "lake": lake_field(type="string"),
        "name": Param(
            "",
            type="string",
            title="Name of the generation",
            description="Letters, digits, dot, dash and underscore; empty: the generation's id.",
            pattern=NAME,
            section=INPUT,
        ),
        "model": Param(
            MODELS[0],
            type="string",
            title="Embedding network",
            description="A network that kith models list shows; another one means that all photos are embedded again.",
            pattern=MODEL,
            examples=list(MODELS),
            section=NETWORK,
        ),
        "photos_per_user": setting("selection.photos_per_user", "Photos a user, at most", NETWORK),
        "rounds": setting("scoring.rounds", "Rounds after round 0, at most", NETWORK, maximum=MOST_ROUNDS),
        **publish_fields(),
        "buckets": Param(
            None,
            type=["null", "integer"],
            enum=[None, *(1 << power for power in range(13))],
            title="Buckets of a new lake",
            description="A power of two; empty: 16, or what the lake has. Aim at 128 to 512 MB of faces a bucket.",
            section=CARE,
        ),
        "retry_failed": Param(
            False,
            type="boolean",
            title="Look again at photos that could not be read",
            description="After a disk or a server was mended.",
            section=CARE,
        ),
        "settings": Param(
            None,
            type=["null", "string"],
            title="Settings file",
            description="TOML file with any other setting (README, Settings): an absolute path on the head node.",
            pattern=rf"^/{_NO_CONTROL}+\.toml$",
            section=CARE,
        ),
    }


def publish_fields() -> dict[str, Param]:
    """Whether the generation goes into the profile store, and into which."""
    return {
        "publish": publish_field(list(PUBLISHING), default=NEVER, type="string"),
        "store": store_field("arrow:///FOLDER, cassandra://USER@HOST/KEYSPACE or connection://ID; needed to publish."),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="End after select and count the photos that a run would look at; nothing is decoded.",
            section=OUTCOME,
        ),
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
