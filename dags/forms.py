"""The fields of the trigger form, with ranges and words taken from the settings themselves."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from dags.stage_tasks import MOST_ROUNDS
from dags.wordings import (
    FOLDER,
    LAKE,
    MODEL,
    NAME,
    PLACE,
    SCORER,
    SETTINGS,
    STORE,
    USERS,
    WORD,
    asks_for,
    teach_wordings,
)
from profiling.settings import Settings

MODELS = ("dlib", "edgeface-xs")  # proposed; any other that `kith models list` shows may be written in
PUBLISHING = NEVER, APPROVED, AUTOMATIC = "never", "after approval", "automatic"  # when to publish
INPUT, NETWORK, OUTCOME, CARE = "What to build from", "How to build", "What becomes of it", "Special cases"  # sections

EVERYBODY, UNRESOLVED = "all", "unresolved"  # proposed for the field of users

teach_wordings()


def setting(name: str, title: str, section: str, **rules: Any) -> Param:
    """A field for `section.name` of the settings: default, range and description are the setting's own."""
    group, _, field = name.partition(".")
    model = type(getattr(Settings(), group))
    info = model.model_json_schema()["properties"][field]
    kinds = [each for each in info.get("anyOf", [info]) if each["type"] != "null"]
    known = {key: kinds[0][key] for key in ("type", "minimum", "maximum") if key in kinds[0]}
    if "anyOf" in info:
        known["type"] = ["null", known["type"]]
    description = _sentence(str(info["description"]))
    return Param(info["default"], title=title, description=description, section=section, **known | rules)


def nightly_form() -> dict[str, Param]:
    """The form of a nightly run; what is left empty comes from Airflow's variables."""
    return {
        "population": population_field(optional=True),
        "lake": lake_field(optional=True),
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
    return {"lake": lake_field(optional=True)}


def retention_form() -> dict[str, Param]:
    """Lake and store; what is left empty comes from Airflow's variables."""
    return {
        "lake": lake_field(optional=True),
        "store": store_field(
            "arrow:///FOLDER, cassandra://USER@HOST/KEYSPACE or connection://ID: published to from the lake."
        ),
    }


def store_field(description: str) -> Param:
    """Which profile store."""
    return text("Profile store", description, STORE, OUTCOME, optional=True)


def publishing_form() -> dict[str, Param]:
    """The form of one generation's publication."""
    return {
        "lake": lake_field(),
        "generation": text("Generation", "Its id or name.", WORD, INPUT),
        "store": text("Profile store", "arrow:///FOLDER or cassandra://USER@HOST/KEYSPACE.", STORE, OUTCOME),
        "approve": Param(
            False,
            type="boolean",
            title="Approved",
            description="A gate failed, and a person has looked at it.",
            section=CARE,
        ),
        "against": text(
            "Active now",
            "Publish only if this generation is still the active one; none = nothing was published yet; empty = any.",
            NAME,
            CARE,
            default="",
        ),
    }


def training_form() -> dict[str, Param]:
    """The form of a scorer's training."""
    return {
        "lake": lake_field(),
        "truth": text(
            "Truth",
            "Folder with the truth about some users: an absolute path. Empty: the owners whom tags name.",
            FOLDER,
            INPUT,
            optional=True,
        ),
        "out": text(
            "File of the scorer",
            "An absolute path that ends in .json; a picture of its curve is put beside it.",
            SCORER,
            OUTCOME,
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


def text(title: str, description: str, words: str, section: str, optional: bool = False, **more: Any) -> Param:
    """A text field that asks for what `words` of `dags.wordings` say; `optional`: empty unless filled in."""
    if optional:
        more = {"default": None} | more
    return Param(title=title, description=description, section=section, **asks_for(words, optional), **more)


def population_field(optional: bool = False) -> Param:
    """Where the population lies."""
    return text(
        "Population",
        "Folder with users.parquet and photos.parquet: an absolute path or a URL. Every Ray node sees it.",
        PLACE,
        INPUT,
        optional,
    )


def lake_field(optional: bool = False) -> Param:
    """Where the lake lies."""
    return text(
        "Lake",
        "Folder of results: an absolute path or s3://BUCKET/FOLDER. Made when it is not there, used again when it is.",
        LAKE,
        INPUT,
        optional,
    )


def users_field() -> Param:
    """About whom a rebuild is."""
    return text(
        "Users",
        "Whose photos are selected anew: all; unresolved, who had no profile in the lake's newest generation; ids such "
        "as 17, 42; or a file of ids on the head node. All others keep that generation's selection, and every user is "
        "in the new generation.",
        USERS,
        NETWORK,
        default=EVERYBODY,
        examples=[EVERYBODY, UNRESOLVED],
    )


def rebuild_form() -> dict[str, Param]:
    """The form of a whole rebuild."""
    return {
        "population": population_field(),
        "lake": lake_field(),
        "name": text(
            "Name of the generation",
            "Letters, digits, dot, dash and underscore; empty: the generation's id.",
            NAME,
            INPUT,
            default="",
        ),
        "model": text(
            "Embedding network",
            "A network that kith models list shows; another one means that all photos are embedded again.",
            MODEL,
            NETWORK,
            default=MODELS[0],
            examples=list(MODELS),
        ),
        "photos_per_user": setting("selection.photos_per_user", "Photos a user, at most", NETWORK),
        "rounds": setting("scoring.rounds", "Rounds after round 0, at most", NETWORK, maximum=MOST_ROUNDS),
        "users": users_field(),
        "precision": setting("scoring.precision", "Wanted precision", NETWORK),
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
        "settings": text(
            "Settings file",
            "TOML file with any other setting (README, Settings): an absolute path on the head node.",
            SETTINGS,
            CARE,
            optional=True,
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
