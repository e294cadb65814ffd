"""What columns and metrics are called in the report, and what they mean."""

from __future__ import annotations

EVIDENCE_LABELS = {  # columns of tables.EVIDENCE
    "size": "size",
    "share": "share of the album",
    "quality": "photo quality",
    "score": "detection score",
    "sharpness": "sharpness",
    "norm": "embedding norm",
    "solo": "alone on photos",
    "group": "in groups",
    "avatar": "on profile pictures",
    "tags_owner": "tagged as owner",
    "tags_others": "tagged as others",
    "age_agreement": "age agrees",
    "gender_agreement": "gender agrees",
    "same_photo": "twice on one photo",
    "friend_distance": "far from friends",
    "friends_near": "friends near",
}
EVIDENCE_HINTS = {
    "size": "logarithm of the photos that show this person",
    "share": "share of the album's photos that show this person",
    "quality": "how good its photos are, against the album's",
    "score": "how sure the detector is of its faces, against the album's",
    "sharpness": "how sharp its faces are, against the album's",
    "norm": "length of the raw embeddings, against the album's",
    "solo": "share of the album's photos of one person alone",
    "group": "share of the album's photos of several people",
    "avatar": "share of the album's profile pictures",
    "tags_owner": "tags that name the owner of the album",
    "tags_others": "tags that name somebody else",
    "age_agreement": "how well the faces' age fits what is stated or what friends suggest",
    "gender_agreement": "how well the faces' gender fits what is stated or the name",
    "same_photo": "share of its photos that show it twice",
    "friend_distance": "distance to the nearest profile of a friend: who is far from all friends is the owner",
    "friends_near": "how many friends have this face as their profile",
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
    "repeated": "Repeated vectors",
    "unaccounted": "Photos unaccounted for",
    "unweighed": "Clusters without weight",
    "lost": "Profiles lost",
    "replaced": "Faces replaced",
    "coverage_gap_gender": "Coverage gap by gender",
    "coverage_gap_age": "Coverage gap by age",
}
