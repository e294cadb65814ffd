"""What `kith plan` multiplies: every number with its unit and where it comes from.

*Measured* numbers name the benchmark or note that holds them; *reported* ones the article on OK.ru; *assumed* ones were
measured nowhere by us, and a plan says so. Times are of one core of a two-core machine (AMD EPYC, 2026), one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["measured", "reported", "assumed"]
OKRU = "OK.ru 2018"


@dataclass(frozen=True)
class PlanPart:
    """One number of a plan.

    Parameters
    ----------
    kind : how far to trust it. source : where it stands, or why it was assumed.
    low, high : what makes sense, both included.
    """

    name: str
    value: float
    unit: str
    kind: Kind
    source: str
    low: float = 0.0
    high: float = 1e12


_FITTED = "a line through photos of .103 and .913 megapixels; make bench-parts"
_TABLES = "Parquet of a lake of 60 users in 16 buckets, whose fixed costs are within"
PARTS = (
    # --- the population -------------------------------------------------------------------------------------------
    PlanPart("megapixels", 0.786, "megapixels a photo", "assumed", "1024 x 768: larger ones are scaled down", 0.01),
    PlanPart("photo_kb", 120.0, "kB a photo", "assumed", "1024 pixels; at quality 90 ours have 103", 0.1),
    PlanPart("faces_per_photo", 1.15, "faces", "reported", f"{OKRU}: 23 million faces on 20 million photos", 0, 50),
    PlanPart("friends", 100.0, "friends a user", "assumed", "partition keeps 200 a user at most", 0, 200),
    # --- one core -------------------------------------------------------------------------------------------------
    PlanPart("decode_ms", 0.5, "ms a photo", "measured", _FITTED),
    PlanPart("decode_ms_mp", 4.7, "ms a megapixel", "measured", _FITTED),
    PlanPart("detect_ms", 12.5, "ms a photo", "measured", _FITTED),
    PlanPart("detect_ms_mp", 61.4, "ms a megapixel", "measured", _FITTED),
    PlanPart("embed_ms", 4.5, "ms a face", "measured", "dlib's network, float32; make bench-parts"),
    PlanPart("group_ms", 20.0, "ms a user", "assumed", "twice what cluster alone took in buckets of 4 users: 9 ms"),
    PlanPart("score_ms", 0.073, "ms a user and round", "measured", "13,784 users/s; make bench-rounds"),
    PlanPart("partition_ms", 0.02, "ms a photo", "assumed", "50,000 photos/s"),
    PlanPart("overhead", 0.37, "share", "measured", "of the photo stages: 63.6 s on two cores, parts 46.4", 0, 5),
    # --- one GPU: nothing here was measured -----------------------------------------------------------------------
    PlanPart("gpu_detect", 30.0, "cores", "assumed", "replaced in detection; never measured here", 0.1),
    PlanPart("gpu_embed", 200.0, "cores", "assumed", "replaced in embedding; never measured here", 0.1),
    # --- a lake and a store ---------------------------------------------------------------------------------------
    PlanPart("face_bytes", 366.0, "bytes a face", "measured", f"2,226 faces of 128 numbers; {_TABLES}"),
    PlanPart("photo_bytes", 198.0, "bytes a photo", "measured", f"photos, selection, seen (twice); {_TABLES}"),
    PlanPart("user_bytes", 5300.0, "bytes a user", "measured", f"users to evidence; {_TABLES}"),
    PlanPart("round_bytes", 2250.0, "bytes a user and round", "measured", f"scores, profiles, rows; {_TABLES}"),
    PlanPart("profile_bytes", 600.0, "bytes a user", "assumed", "two vectors of 128 float16 and their row"),
    PlanPart("network_gbit", 10.0, "Gbit/s a node", "assumed", "what a node reads with", 0.01),
    PlanPart("gather_bytes", 512.0, "bytes a friend and round", "measured", "two vectors of 128 float16 a friend"),
)  # fmt: skip
