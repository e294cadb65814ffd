"""Put one user's explanation together out of a bucket's tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.claims import RETURN_LEAD
from profiling.explaining.case import Case, read_case, read_evidence
from profiling.explaining.changing import find_changes
from profiling.explaining.explanation import ClusterExplanation, Explanation
from profiling.explaining.scenarios import Usual
from profiling.explaining.words import WAYS_OUT, number
from profiling.leaders import REASONS, Leaders
from profiling.scorer import Scorer
from profiling.tables import EVIDENCE, NO_CLUSTER
from profiling.tallies import count_values

OTHER_RULES = " Today's rules would decide otherwise: this generation was made by another version of Kith."
HIDDEN = "no_consent"  # nothing is shown of such users


def usual_values(clusters: pa.Table, scores: pa.Table) -> Usual:
    """What is usual among these clusters; both tables hold the same ones."""
    order = [("user_id", "ascending"), ("cluster", "ascending")]
    return Usual.of(read_evidence(clusters.sort_by(order), scores.sort_by(order)))


def explain_user(
    user_id: int,
    users: pa.Table,
    clusters: pa.Table,
    members: pa.Table,
    seen: pa.Table,
    selection: pa.Table,
    scores: pa.Table,
    profiles: pa.Table,
    last: pa.Table | None,
    scorer: Scorer,
    round_number: int,
    margin: float | None,
    user_ids: npt.NDArray[np.int64],
    usual: Usual,
) -> Explanation:
    """Explain one user's decision in one round.

    Parameters
    ----------
    users … profiles : tables of the user's bucket, `scores` and `profiles` of the round. last : table ``profiles`` of
        the round before, None in round 0.
    margin : of the settings, None = the scorer's. user_ids : int64 [population], user id of each row.
    usual : of `usual_values`, the plausible values that changes are made of.

    Notes
    -----
    Weights and decision are computed again by `Scorer.weigh`, `Claims` and `choose_leaders`, as in the build.
    """
    profile = profiles.filter(pc.equal(profiles["user_id"], user_id)).to_pylist()[0]
    case = read_case(user_id, users, clusters, scores, last, scorer, round_number, margin)
    reason = profile["reason"]
    about: dict[str, Any] = {
        "user_id": user_id,
        "round": round_number,
        "reason": reason,
        "meaning": REASONS.get(reason, reason),
        "asked": case.asked,
        "intercept": scorer.of_round(round_number).intercept,
        "album": {} if reason == HIDDEN else _album(user_id, members, seen, selection),
    }
    if len(case.number) == 0 or reason == HIDDEN:
        return _without_clusters(about)
    leaders, barred = case.decide(case.matrix[None])
    told = _clusters(case, clusters, scores, barred[0], user_ids)
    changes, outlook = find_changes(case, usual)
    known = np.append(case.number, NO_CLUSTER)
    leader, second = int(known[leaders.leader[0]]), int(known[leaders.second[0]])
    verdict = _verdict(case, leaders, told, reason)
    if (leaders.reason[0], leader, second) != (reason, profile["leader"], profile["second"]):
        verdict += OTHER_RULES
    return Explanation(
        **about,
        leader=profile["leader"],
        second=profile["second"],
        nearest=int(known[leaders.best[0]]),
        margin=float(leaders.margin[0]),
        weight=float(leaders.weight[0]),
        verdict=verdict,
        clusters=told,
        changes=tuple(changes),
        outlook=outlook,
    )


def _without_clusters(about: dict[str, Any]) -> Explanation:
    nothing: dict[str, Any] = {
        "leader": NO_CLUSTER,
        "second": NO_CLUSTER,
        "nearest": NO_CLUSTER,
        "margin": np.nan,
        "weight": np.nan,
    }
    verdict = f"No profile: {about['meaning']}."
    return Explanation(**about, **nothing, verdict=verdict, outlook=WAYS_OUT.get(about["reason"], ""))


def _clusters(
    case: Case, clusters: pa.Table, scores: pa.Table, barred: npt.NDArray[np.bool_], user_ids: npt.NDArray[np.int64]
) -> tuple[ClusterExplanation, ...]:
    user_id = case.users["user_id"][0].as_py()
    sizes, rounds = (
        table.filter(pc.equal(table["user_id"], user_id)).sort_by("cluster").to_pylist() for table in (clusters, scores)
    )
    weight, parts = case.weigh(case.matrix[None])[0], case.contributions
    told = []
    for place, (about, score) in enumerate(zip(sizes, rounds, strict=True)):
        friend = score["nearest_friend_row"]
        evidence = dict(zip(EVIDENCE, map(float, case.matrix[place]), strict=True))
        told.append(
            ClusterExplanation(
                cluster=int(case.number[place]),
                faces=about["faces"],
                photos=about["photos"],
                weight=float(weight[place]),
                evidence=evidence,
                contributions=dict(zip(EVIDENCE, map(float, parts[place]), strict=True)),
                nearest_friend=int(user_ids[friend]) if friend is not None and friend >= 0 else None,
                friend_distance=evidence["friend_distance"],
                barred=_why_barred(case, place) if barred[place] else "",
            )
        )
    return tuple(told)


def _why_barred(case: Case, place: int) -> str:
    """Why a cluster may not lead, out of what the last round's claims remember."""
    if case.last is None:
        return ""
    lost, losses = (int(case.last[name][0].as_py()) for name in ("lost", "losses"))
    times = "once" if losses == 1 else f"{losses} times"
    if lost == case.number[place]:
        lead = number(RETURN_LEAD * case.asked)
        return f"it led before and gave way to a friend's claim, {times} so far; it must lead by {lead} to come back"
    return f"leaders of this user gave way to friends' claims {times}; nothing new may lead"


def _verdict(case: Case, leaders: Leaders, told: tuple[ClusterExplanation, ...], reason: str) -> str:
    """The decision in one or two sentences."""
    best = told[int(leaders.best[0])]
    asked = f"{number(case.asked)} is asked"
    others = [one for one in told if one.cluster != best.cluster and not one.barred]
    rival = max(others, key=lambda one: one.weight, default=None)
    margin = number(float(leaders.margin[0]))
    alone = min(float(leaders.margin[0]), best.weight) >= case.asked
    if reason == "ok" and leaders.second[0] >= 0 and not alone:
        second = told[int(leaders.second[0])].cluster
        return (
            f"A joint account: clusters {best.cluster} and {second} both stand out and lead together, "
            f"{margin} apart; a single leader needs a lead of {number(case.asked)}."
        )
    line = f"Cluster {best.cluster} weighs {number(best.weight)} and has no rival; {asked}."
    if rival:
        lead = f"leads cluster {rival.cluster} by {margin}"
        line = f"Cluster {best.cluster} {lead} and weighs {number(best.weight)}; {asked} of both."
    if reason == "ok" and leaders.second[0] >= 0:
        partner = told[int(leaders.second[0])]
        shares = " and ".join(number(one.evidence["solo"]) for one in (best, partner))
        return f"{line} Cluster {partner.cluster} shares the account: the portraits are divided evenly, {shares}."
    if reason == "ok":
        return line
    near = ""
    if best.barred:
        near = f" It is barred: {best.barred}."
    elif reason == "looks_like_friend" and best.nearest_friend is not None:
        near = f" It is {number(best.friend_distance)} eps from the profile of friend {best.nearest_friend}."
    return f"No profile: {REASONS.get(reason, reason)}. {line}{near}"


def _album(user_id: int, members: pa.Table, seen: pa.Table, selection: pa.Table) -> dict[str, dict[str, int]]:
    photos = selection.filter(pc.equal(selection["owner_id"], user_id))["photo_id"].combine_chunks()
    mine = seen.filter(pc.is_in(seen["photo_id"], value_set=photos))
    faces = members.filter(pc.equal(members["user_id"], user_id))
    return {"photos": count_values(mine["reason"]), "faces": count_values(faces["state"])}
