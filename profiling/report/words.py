"""What columns and metrics are called in the report, and what they mean."""

from __future__ import annotations

EVIDENCE_LABELS = {  # columns of tables.EVIDENCE
    "size": "size",
    "share": "share of the album",
    "quality": "photo quality",
    "score": "detection score",
    "sharpness": "sharpness",
    "norm": "embedding norm",
    "solo": "alone on the photo",
    "avatar": "was the avatar",
    "tags_owner": "tagged as owner",
    "tags_others": "tagged as others",
    "age_agreement": "age agrees",
    "gender_agreement": "gender agrees",
    "same_photo": "twice on one photo",
    "friend_distance": "far from friends",
    "friends_near": "friends near",
}
EVIDENCE_HINTS = {
    "size": "how many faces the cluster holds",
    "share": "faces of the cluster, of all clustered faces of the album",
    "quality": "mean quality of the photos its faces come from, by their metadata",
    "score": "how sure the detector is of its faces",
    "sharpness": "how sharp its faces are",
    "norm": "length of the raw embeddings",
    "solo": "share of its faces that are alone on their photo",
    "avatar": "faces on photos that were once the profile picture",
    "tags_owner": "tags that name the owner of the album",
    "tags_others": "tags that name somebody else",
    "age_agreement": "how well the faces' age fits what is stated or what friends suggest",
    "gender_agreement": "how well the faces' gender fits",
    "same_photo": "how often two of its faces stand on one photo",
    "friend_distance": "distance to the nearest profile of a friend: a cluster far from all friends is the owner",
    "friends_near": "how many friends' profiles are near",
}
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
    "hubs": "Hubs",
    "degenerate": "Degenerate vectors",
    "unaccounted": "Photos unaccounted for",
    "unweighed": "Clusters without weight",
}
