"""What evidence and decisions are called, for people."""

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
    "tags_confirmed": "confirmed by the owner",
    "tags_rejected": "rejected by the owner",
    "tags_others": "tagged as others",
    "age_agreement": "age agrees",
    "gender_agreement": "gender agrees",
    "same_photo": "twice on one photo",
    "friend_distance": "far from friends",
    "friends_near": "friends near",
    "co_occurrence": "guest of friends",
    "friend_share": "at home with a friend",
    "friend_runner_up": "like one friend only",
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
    "tags_owner": "tags that name the owner of the album and were not answered",
    "tags_confirmed": "tags of themselves that the owner confirmed",
    "tags_rejected": "tags of themselves that the owner rejected",
    "tags_others": "tags that name somebody else",
    "age_agreement": "how well the faces' age fits what is stated or what friends suggest",
    "gender_agreement": "how well the faces' gender fits what is stated or the name",
    "same_photo": "share of its photos that show it twice",
    "friend_distance": "distance to the nearest profile of a friend: who is far from all friends is the owner",
    "co_occurrence": "in how many friends' albums this face appears, on a smaller share of the photos than here",
    "friend_share": "the largest share of a friend's album that shows this face",
    "friends_near": "how many friends have this face as their profile",
    "friend_runner_up": "how much nearer the nearest friend's profile is than the second nearest friend's",
}
WAYS_OUT = {  # what a user without clusters lacks, by reason code
    "no_consent": "The user's consent; nothing was looked at, so nothing is known.",
    "no_photos": "Photos in the album.",
    "decode_failures": "Photos that can be read.",
    "no_faces": "Two photos that show one face.",
    "nonfaces": "Two photos on which one face is seen clearly enough.",
    "no_cluster": "A second photo of one of the faces: each person was seen on one picture only.",
}


def number(value: float | None, digits: int = 2) -> str:
    """A number as text with a true minus; "not known" where there is none."""
    if value is None or value != value:
        return "not known"
    return f"{value:.{digits}f}".replace("-", "−")


def signed(value: float) -> str:
    """A change of a weight with its sign."""
    shown = round(value, 2) + 0.0  # no minus zero
    return f"+{shown:.2f}" if shown >= 0 else number(shown)
