"""Every table's columns and types, spelled once.

Two families: the *population* tables, which users hand in (README, "The population folder"), and the *lake* tables,
which the stages write. Vectors are float16, unit length, in `FixedSizeBinary(2 * dim)` columns: they read 11 to 36
times faster than list columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from profiling.vectors import vector_type

NO_CLUSTER = -1  # `cluster`, `leader` and `second` of faces and users that have none


@dataclass(frozen=True)
class Column:
    """One column of a population table: its type, and whether a population without it is refused."""

    name: str
    type: pa.DataType
    required: bool = False


POPULATION: dict[str, tuple[Column, ...]] = {
    "users": (
        Column("user_id", pa.int64(), required=True),
        Column("first_name", pa.string()),
        Column("last_name", pa.string()),
        Column("gender", pa.string()),
        Column("birth_year", pa.int16()),
        Column("consent", pa.bool_()),
    ),
    "photos": (
        Column("photo_id", pa.int64(), required=True),
        Column("owner_id", pa.int64(), required=True),
        Column("uri", pa.string(), required=True),
        Column("width", pa.int32()),
        Column("height", pa.int32()),
        Column("camera", pa.string()),
        Column("was_avatar", pa.bool_()),
        Column("taken_at", pa.timestamp("us")),
        Column("version", pa.int64()),
    ),
    "tags": (
        Column("photo_id", pa.int64(), required=True),
        Column("user_id", pa.int64(), required=True),
        Column("x", pa.float32()),
        Column("y", pa.float32()),
        Column("w", pa.float32()),
        Column("h", pa.float32()),
        Column("source", pa.string()),
    ),
    "friendships": (
        Column("user_a", pa.int64(), required=True),
        Column("user_b", pa.int64(), required=True),
    ),
}
REQUIRED_TABLES = ("users", "photos")  # tags and friendships may be missing: a population without them is legal
GENDERS = ("female", "male")
TAG_SOURCES = ("manual", "confirmed", "rejected")  # a null source reads as "manual"


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


# --- written beside their results by the stages that copy what did not change (copies.py) ---------------------------
DIGESTS = _schema(  # one row a user of the bucket, in row order
    user_id=pa.int64(),
    input_digest=pa.binary(16),  # of everything that the user's result depends on, see digests.py
)

# --- written by `partition`: one table a bucket, of the users whose `user_id` hashes into it -----------------------
USERS = _schema(  # sorted by user_id; `row` is dense over the population and contiguous within a bucket
    user_id=pa.int64(),
    row=pa.int32(),
    first_name=pa.string(),
    last_name=pa.string(),
    gender=pa.string(),
    birth_year=pa.int16(),
    consent=pa.bool_(),
)
PHOTOS = _schema(  # sorted by owner_id, photo_id; only owners with consent; null width and height = unknown
    photo_id=pa.int64(),
    owner_id=pa.int64(),
    uri=pa.string(),
    width=pa.int32(),
    height=pa.int32(),
    camera=pa.string(),
    was_avatar=pa.bool_(),
    taken_at=pa.timestamp("us"),
    version=pa.int64(),
)
TAGS = _schema(  # sorted by owner_id, photo_id, user_id; both owner and tagged user have consent; source never null
    photo_id=pa.int64(),
    owner_id=pa.int64(),
    user_id=pa.int64(),
    x=pa.float32(),
    y=pa.float32(),
    w=pa.float32(),
    h=pa.float32(),
    source=pa.string(),
)
FRIENDS = _schema(  # both directions, sorted by row, friend_row; at most 200 friends a row
    row=pa.int32(),
    friend_row=pa.int32(),
    tagged_together=pa.bool_(),
)

# --- written by `select` -------------------------------------------------------------------------------------------
SELECTION = _schema(  # sorted by owner_id, rank; rank counts from 0, best photo first
    owner_id=pa.int64(),
    photo_id=pa.int64(),
    quality=pa.float32(),
    rank=pa.int16(),
)
BROADENED = _schema(  # sorted; users without a leader whose selection is broadened next
    user_id=pa.int64(),
)
CHOSEN = _schema(  # sorted; users whose photos are selected anew in a run about some users only
    user_id=pa.int64(),
)

# --- written by `embed` --------------------------------------------------------------------------------------------
SEEN = _schema(  # one row a photo that was looked at, sorted by photo_id
    photo_id=pa.int64(),
    version=pa.int64(),
    reason=pa.string(),  # "ok", or why there are no faces: see decoding.REASONS
    detail=pa.string(),  # a short sentence for people; null when ok
    width=pa.int32(),  # of the upright photo as stored, before any scaling; null when it could not be read
    height=pa.int32(),
    faces=pa.int16(),
    content_hash=pa.binary(16),  # blake2b of the file's bytes
    perceptual_hash=pa.uint64(),
)


def faces_schema(dim: int) -> pa.Schema:
    """Table `faces`: one row a detection, sorted by photo_id, face; boxes and landmarks relative to the upright photo.

    `landmarks` are x0 y0 … x4 y4 of left eye, right eye, nose, left and right corner of the mouth (image order).
    `size` is the box's longer side in pixels of the decoded photo; `sharpness` the variance of the Laplacian of the
    grey chip; `nonface_distance` the L2 distance of the unit embedding to the nearest non-face centroid (0 to 2);
    `age` in years and `female` (probability) as the model's probe reads them from this face alone.
    """
    return _schema(
        photo_id=pa.int64(),
        face=pa.int16(),
        x=pa.float32(),
        y=pa.float32(),
        w=pa.float32(),
        h=pa.float32(),
        score=pa.float32(),
        landmarks=pa.list_(pa.float32(), 10),
        size=pa.float32(),
        embedding=vector_type(dim),
        norm=pa.float32(),
        sharpness=pa.float32(),
        nonface_distance=pa.float32(),
        age=pa.float32(),
        female=pa.float32(),
    )


# --- written by `people` -------------------------------------------------------------------------------------------
COHORTS = _schema(  # friendships by the years of both ends, counted from 1900, of users whose friends confirm theirs
    year=pa.int16(),
    friend_year=pa.int16(),  # null: `count` is of the users themselves
    count=pa.int64(),
)
GUESSES = _schema(row=pa.int32(), guess=pa.binary(4))  # two likely years and their votes, see graph/guesses.py
PEOPLE = _schema(  # one row a user, in row order; null = unknown
    user_id=pa.int64(),
    row=pa.int32(),
    birth_year=pa.float32(),
    birth_year_confidence=pa.float32(),  # 0 to 1: mean of "this is the year" and "it is at most two years off"
    birth_year_source=pa.string(),  # "stated", "friends" or null
    female=pa.float32(),  # probability that the user is a woman
    gender_confidence=pa.float32(),  # probability that the likelier gender is right, 0.5 to 1
    gender_source=pa.string(),  # "stated", "name" or null
)

# --- written by `viral` --------------------------------------------------------------------------------------------
VIRAL = _schema(photo_id=pa.int64())  # selected photos of a bucket that many strangers have too, ascending

# --- written by `cluster` ------------------------------------------------------------------------------------------
ALBUM_EVIDENCE = (  # columns of `clusters`, one function each in evidence.py; float32, NaN = not known
    "size",
    "share",
    "quality",
    "score",
    "sharpness",
    "norm",
    "solo",
    "group",
    "avatar",
    "tags_owner",
    "tags_confirmed",
    "tags_rejected",
    "tags_others",
    "age_agreement",
    "gender_agreement",
    "same_photo",
)
MEMBERS = _schema(  # every face of the selected photos, sorted by user_id, photo_id, face
    user_id=pa.int64(),
    photo_id=pa.int64(),
    face=pa.int16(),
    cluster=pa.int16(),
    state=pa.string(),  # of clusters.STATES: "member", "noise", or why a face counts for no cluster
)


def clusters_schema(dim: int) -> pa.Schema:
    """Table `clusters`: one row a cluster, sorted by user_id, cluster; cluster 0 is the largest of its album.

    `faces` counts the members, `photos` the distinct photos after near-duplicates became one; `spread` is the mean
    cosine distance of the members to the centroid.
    """
    return pa.schema(
        [
            ("user_id", pa.int64()),
            ("row", pa.int32()),
            ("cluster", pa.int16()),
            ("faces", pa.int32()),
            ("photos", pa.int32()),
            ("spread", pa.float32()),
            ("centroid", vector_type(dim)),
            *((name, pa.float32()) for name in ALBUM_EVIDENCE),
        ]
    )


# --- written by `co_occurrence`, once a generation -----------------------------------------------------------------
ACROSS_EVIDENCE = (  # columns of `co_occurrence`: what friends' albums say; see co_occurrence.py
    "co_occurrence",
    "friend_share",
)
BASE_EVIDENCE = ALBUM_EVIDENCE + ACROSS_EVIDENCE  # all that needs no profiles
CO_OCCURRENCE = pa.schema(  # one row a cluster, sorted as `clusters`
    [("user_id", pa.int64()), ("cluster", pa.int16()), *((name, pa.float32()) for name in ACROSS_EVIDENCE)]
)


# --- written by `score`, once a round ------------------------------------------------------------------------------
FRIEND_EVIDENCE = (  # columns of `scores` that need friends' profiles of the last round
    "friend_distance",
    "friends_near",
    "friend_runner_up",
)
EVIDENCE = BASE_EVIDENCE + FRIEND_EVIDENCE
SCORES = pa.schema(  # one row a cluster, sorted as `clusters`
    [
        ("user_id", pa.int64()),
        ("cluster", pa.int16()),
        ("weight", pa.float32()),
        ("nearest_friend_row", pa.int32()),  # whose profile is nearest to the centroid; -1 = no friend has one
        *((name, pa.float32()) for name in FRIEND_EVIDENCE),
    ]
)


def profiles_schema(dim: int) -> pa.Schema:
    """Table `profiles`: one row a user (unresolved ones and those without consent included), in row order.

    `reason` is "ok" for a user with a profile, else a code of leaders.REASONS. `margin` is the leader's weight minus
    the runner-up's (NaN without clusters, the weight itself when there is no runner-up); `faces` the members of the
    leader; `best` the heaviest cluster, leader or not (-1 = none): whom an unresolved user came nearest to. `moved`
    says whether this round changed the user's profile, `margin_fell` whether it has less of a margin than in the last
    round, as rounds.py defines both; `lost` is a cluster that led in an earlier round and gave way to a friend's claim
    (-1 = none), `losses` how often a leader of the user's did; `input_digest` that of round_inputs.py.
    """
    return _schema(
        user_id=pa.int64(),
        row=pa.int32(),
        reason=pa.string(),
        leader=pa.int16(),
        second=pa.int16(),
        best=pa.int16(),
        weight=pa.float32(),
        margin=pa.float32(),
        faces=pa.int32(),
        moved=pa.bool_(),
        margin_fell=pa.bool_(),
        lost=pa.int16(),
        losses=pa.int16(),
        input_digest=pa.binary(16),
        profile=vector_type(dim),
        second_profile=vector_type(dim),
    )


def empty(schema: pa.Schema) -> pa.Table:
    """A table of this schema without rows."""
    return schema.empty_table()
