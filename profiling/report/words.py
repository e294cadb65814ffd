"""What columns and metrics are called in the report, and what they mean."""

from __future__ import annotations

METRICS = {  # of evaluation.evaluate, in the order in which the report shows them
    "coverage": ("Coverage", "users with a profile, of those with two faces of their own or more"),
    "precision": ("Precision", "profiles whose faces are mostly their owner's"),
    "leader_accuracy": ("Leader accuracy", "users whose heaviest cluster is theirs"),
    "baseline_largest_cluster": ("Largest-cluster rule", "users whose largest cluster is theirs: the simple baseline"),
    "face_recall": ("Face recall", "true faces that were found"),
    "cluster_purity": ("Cluster purity", "faces that are of their cluster's commonest person"),
    "tp_at_fp_0.001": ("TP at FP 0.1 %", "faces on new photos named right, of people with a profile"),
    "tp_all": ("TP, all", "faces on new photos named right, of the uploader and all friends"),
}
GATES = {
    "coverage": "Coverage",
    "failed_photos": "Unreadable photos",
    "set_aside": "Photos set aside",
    "hubs": "Hubs",
    "degenerate": "Degenerate vectors",
    "repeated": "Repeated vectors",
    "unaccounted": "Photos unaccounted for",
    "unweighed": "Clusters without weight",
    "lost": "Profiles lost",
    "replaced": "Faces replaced",
    "coverage_gap_gender": "Coverage gap by gender",
    "coverage_gap_age": "Coverage gap by age",
}
GROUPINGS = {  # of audit.groups, and the kind that only a truth knows
    "gender": "By gender",
    "age": "By age",
    "photos": "By number of selected photos",
}
CHANGES = {  # of audit.change
    "kept": "kept their profile",
    "moved": "of these: moved a little",
    "replaced": "of these: another face",
    "lost": "lost it",
    "withdrawn": "withdrew consent or photos",
    "gained": "gained one",
    "new_users": "new users",
    "gone_users": "users who are gone",
}
FAULTS = {  # of tallies.tally_norms
    "nan": "with NaN or infinity",
    "zero": "of zeros",
    "length": "not of unit length",
    "norm": "with an impossible norm",
}
