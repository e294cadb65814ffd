"""The cast of the demo: eighteen members in two circles of friends, the faces of strangers, who knows whom.

Their faces are fixed and well apart for a recognition network (docs/decisions/0007-drawn-people.md): what is shown is
how the method works, not how well a network knows drawn people. Members stand in order of importance to the demo, so
that a smaller demo keeps every kind of album as long as it can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiling.demo.genes import draw_identity
from profiling.demo.identity import Identity

PHOTO_YEAR = 2024  # all photos are of this year: who looks 30 was born 30 years before
CAST = tuple(500 + k for k in (36, 23, 37, 6, 34, 82, 24, 74, 32, 42, 87, 64, 60, 90, 78, 85, 44, 20, 1, 51))
"""Seeds of twenty people that the dlib network tells apart (AUC .9995); members, one partner, one stranger."""
KINDS = ("normal", "group_only", "friend_heavy", "joint", "sparse", "no_face")
FRIENDS_EACH_SIDE = 3  # in a circle sorted by age, people know those up to three places away


@dataclass(frozen=True)
class Member:
    """One user of the demo and the face behind the account.

    `circle` and `place` say where the user stands among friends; `lie` is by how many years the stated birth year is
    off (None = not stated); `star` is the friend who fills a `friend_heavy` album; `partner` the seed of the second
    person of a joint account.
    """

    user_id: int
    seed: int
    first_name: str
    last_name: str
    circle: int
    place: int
    kind: str = "normal"
    says_gender: bool = True
    lie: int | None = 0
    consent: bool = True
    star: int | None = None
    partner: int | None = None


MEMBERS = (
    Member(1003, 536, "Boris", "Petrov", 0, 2),
    Member(1106, 544, "Olga", "Ivanova", 1, 5),
    Member(1005, 578, "Felix", "Keller", 0, 4, kind="friend_heavy", star=1003),
    Member(1105, 537, "Irina", "Sokolova", 1, 4, kind="group_only"),
    Member(1108, 534, "Paul", "Novak", 1, 7, kind="joint", partner=585),
    Member(1006, 551, "Anna", "Orlova", 0, 5, says_gender=False),
    Member(1109, 523, "Ruth", "Fischer", 1, 8, kind="no_face"),
    Member(1002, 532, "Max", "Orlov", 0, 1, kind="sparse", lie=None),
    Member(1007, 590, "Oscar", "Volkov", 0, 6, consent=False),
    Member(1001, 560, "Leo", "Fischer", 0, 0, lie=-22),
    Member(1104, 574, "Vera", "Dvorakova", 1, 3, kind="friend_heavy", star=1106, says_gender=False),
    Member(1103, 501, "Ivan", "Smirnov", 1, 2, lie=None),
    Member(1107, 542, "Karl", "Dvorak", 1, 6, lie=31),
    Member(1004, 582, "Ivan", "Volkov", 0, 3, kind="group_only", says_gender=False),
    Member(1009, 520, "Elena", "Petrova", 0, 8),
    Member(1101, 524, "Anna", "Novakova", 1, 0),
    Member(1008, 506, "Viktor", "Sokolov", 0, 7),
    Member(1102, 564, "Laura", "Keller", 1, 1, lie=12),
)
BRIDGES = ((1009, 1101), (1007, 1102))  # friendships between the circles
STRANGERS = (587, 612, 617, 640, 655)  # seeds of people without an account, far from the cast


def face_of(member: Member) -> Identity:
    """The person behind the account."""
    return draw_identity(member.seed)


def stated_birth_year(member: Member) -> int | None:
    """What the account says, a lie included."""
    return None if member.lie is None else true_birth_year(member) + member.lie


def true_birth_year(member: Member) -> int:
    """The year that fits the face."""
    return PHOTO_YEAR - round(face_of(member).age)


def list_friendships(members: Sequence[Member]) -> list[tuple[int, int]]:
    """Pairs of user ids, smaller first, sorted: neighbours by age within a circle, and two bridges."""
    pairs = {tuple(sorted(pair)) for pair in BRIDGES}
    for one in members:
        for other in members:
            near = one.circle == other.circle and 0 < other.place - one.place <= FRIENDS_EACH_SIDE
            if near:
                pairs.add((one.user_id, other.user_id))
    known = {member.user_id for member in members}
    return sorted((a, b) for a, b in pairs if a in known and b in known)


def list_people(members: Sequence[Member]) -> dict[int, Identity]:
    """Faces by person id: members by their user id, everyone else by a negative one (partners, then strangers)."""
    partners = [member.partner for member in members if member.partner is not None]
    people = {member.user_id: face_of(member) for member in members}
    people |= {-1 - i: draw_identity(seed) for i, seed in enumerate((*partners, *STRANGERS))}
    return people


def person_ids(members: Sequence[Member]) -> dict[int, list[int]]:
    """The people behind each account; nobody where the album never shows the owner."""
    owners: dict[int, list[int]] = {}
    partners = 0
    for member in members:
        owners[member.user_id] = [] if member.kind == "no_face" else [member.user_id]
        if member.partner is not None:
            partners += 1
            owners[member.user_id].append(-partners)
    return owners


def stranger_ids(members: Sequence[Member]) -> list[int]:
    """Person ids of those who have no account and share none."""
    partners = sum(member.partner is not None for member in members)
    return [-1 - partners - i for i in range(len(STRANGERS))]
