"""Look a generation over before anybody may publish it: nobody missing, nothing degenerate, no hubs, gates passed.

A bucket is audited alone (`audit_bucket`) into a small summary that JSON can hold; `combine` adds the summaries up,
and the result is the same however the users are divided into buckets.
"""

from profiling.audit.bucket import READ_WELL, BucketAudit, audit_bucket
from profiling.audit.change import Change
from profiling.audit.combining import combine, hubs_of
from profiling.audit.gates import ADVICE
from profiling.audit.groups import label_groups

__all__ = [
    "ADVICE",
    "READ_WELL",
    "BucketAudit",
    "Change",
    "audit_bucket",
    "combine",
    "hubs_of",
    "label_groups",
]
