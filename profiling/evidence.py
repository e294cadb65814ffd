"""What speaks for a cluster being the owner of its album, one function a column.

All columns are float32 [clusters], NaN = not known (which the scorer reads as "average", neither for nor against).
Whatever depends on camera, network or album size is set against the rest of the same album, so that a scorer trained
on one population can be used on another.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling import tables
from profiling.albums import Floats
from profiling.before_birth import about_users
from profiling.sightings import Sightings
from profiling.tagging import tag_votes

PROBE_ERROR = 9.0  # years; mean error of the age probes on UTKFace is 8.4 (dlib): less is no disagreement
WORST_AGE = 30.0  # years beyond that; more is as wrong as it gets


def size(sightings: Sightings) -> Floats:
    """Logarithm of the photos: the owner is usually the one seen most, the tenth photo says less than the second."""
    return np.log1p(sightings.photos)


def share(sightings: Sightings) -> Floats:
    """Share of the album's photos with clustered faces that show this cluster: size alone is the album's."""
    return sightings.share_of_photos(sightings.counted)


def quality(sightings: Sightings) -> Floats:
    """Mean selection quality of the cluster's photos against the album's: one takes good photos of oneself."""
    return sightings.against_album(sightings.albums.photo_quality[sightings.albums.face_photo[sightings.member]])


def score(sightings: Sightings) -> Floats:
    """Mean detection score, as its logarithm short of one, against the album's: what is hardly a face is no owner."""
    short = np.log10(np.maximum(1.0 - sightings.albums.score[sightings.member], 1e-6))
    return -sightings.against_album(short)


def sharpness(sightings: Sightings) -> Floats:
    """Mean logarithm of sharpness against the album's: owners stand in focus, passers-by do not."""
    return sightings.against_album(np.log(np.maximum(sightings.albums.sharpness[sightings.member], 1e-3)))


def norm(sightings: Sightings) -> Floats:
    """Mean embedding norm against the album's: the length of an embedding tells how much face the network saw."""
    return sightings.against_album(np.log(np.maximum(sightings.albums.norm[sightings.member], 1e-6)))


def solo(sightings: Sightings) -> Floats:
    """Share of the album's photos of one person alone that show this one: portraits are mostly of the owner."""
    return sightings.share_of_photos(sightings.counted & (sightings.company == 1))


def group(sightings: Sightings) -> Floats:
    """Share of the album's photos of several people that show this one: the owner is whom all the others meet."""
    return sightings.share_of_photos(sightings.counted & (sightings.company > 1))


def avatar(sightings: Sightings) -> Floats:
    """Share of the album's profile pictures that show this cluster: people choose pictures of themselves."""
    return sightings.share_of_photos(sightings.counted & sightings.albums.photo_avatar)


def same_photo(sightings: Sightings) -> Floats:
    """Share of the cluster's photos that show it twice: collages and mirrors exist, mostly it is two people."""
    twice = np.bincount(sightings.pair_cluster, weights=sightings.pair_faces > 1, minlength=len(sightings.faces))
    return twice / np.maximum(sightings.photos, 1)


def age_agreement(sightings: Sightings, people: pa.Table) -> Floats:
    """Minus the years by which the face looks older or younger than its owner was, beyond the probe's error.

    Scaled to -1 … 0 and by the confidence in the owner's birth year. Only photos with a date can speak.
    """
    albums, member = sightings.albums, sightings.member
    born = _about_owner(sightings, people, "birth_year")
    trust = _about_owner(sightings, people, "birth_year_confidence")
    then = albums.photo_year[albums.face_photo[member]] - born[sightings.label[member]]
    off = np.abs(sightings.median(albums.age[member] - then))
    return -np.clip((off - PROBE_ERROR) / WORST_AGE, 0.0, 1.0) * trust


def gender_agreement(sightings: Sightings, people: pa.Table) -> Floats:
    """How well the look of the face and the owner's gender agree, -1 … 1; each unsure, the product is near 0."""
    owner = _about_owner(sightings, people, "female")
    face = sightings.median(sightings.albums.female[sightings.member])
    return (2 * owner - 1) * (2 * face - 1)


def tags_owner(sightings: Sightings, tags: pa.Table) -> Floats:
    """Tags by which somebody named the owner, unanswered by the owner, as a share of one more: 0 … 1.

    People know whom they photograph, but tag jokes and absent friends too. A tag counts in one column only: this one,
    `tags_confirmed` or `tags_rejected`. NaN in an album where nobody ever tagged the owner so: no tag says nothing
    there, but much where there are some.
    """
    return _saturated(sightings, tag_votes(sightings, _of_owner(tags, "manual")))


def tags_confirmed(sightings: Sightings, tags: pa.Table) -> Floats:
    """Tags of themselves that the owner confirmed, likewise: nobody knows better, it is as sure as evidence gets."""
    return _saturated(sightings, tag_votes(sightings, _of_owner(tags, "confirmed")))


def tags_rejected(sightings: Sightings, tags: pa.Table) -> Floats:
    """Tags of themselves that the owner rejected, likewise: the owner says that this is somebody else."""
    return _saturated(sightings, tag_votes(sightings, _of_owner(tags, "rejected")))


def tags_others(sightings: Sightings, tags: pa.Table) -> Floats:
    """Tags that say "this is somebody else", likewise: who is tagged as another is not the owner.

    A tag that the other person confirmed counts double, one that they rejected not at all.
    """
    named = tags.filter(pc.not_equal(tags["user_id"], tags["owner_id"]))
    named = named.filter(pc.not_equal(pc.fill_null(named["source"], "manual"), "rejected"))
    return _saturated(sightings, tag_votes(sightings, named))


FROM_SIGHTINGS: tuple[Callable[[Sightings], Floats], ...] = (
    size, share, quality, score, sharpness, norm, solo, group, avatar, same_photo,
)  # fmt: skip
FROM_PEOPLE: tuple[Callable[[Sightings, pa.Table], Floats], ...] = (age_agreement, gender_agreement)
FROM_TAGS: tuple[Callable[[Sightings, pa.Table], Floats], ...] = (
    tags_owner, tags_confirmed, tags_rejected, tags_others,
)  # fmt: skip


def base_evidence(sightings: Sightings, tags: pa.Table, people: pa.Table) -> dict[str, npt.NDArray[np.float32]]:
    """All columns of `tables.ALBUM_EVIDENCE`, float32 [clusters]; what is not known is one NaN, bit for bit.

    Arithmetic gives NaN of either sign, depending on where in an array a number stands, and digests read bits.
    """
    found: dict[str, Floats] = {function.__name__: function(sightings) for function in FROM_SIGHTINGS}
    found |= {function.__name__: function(sightings, people) for function in FROM_PEOPLE}
    found |= {function.__name__: function(sightings, tags) for function in FROM_TAGS}
    return {
        name: np.where(np.isnan(found[name]), np.nan, found[name]).astype(np.float32) for name in tables.ALBUM_EVIDENCE
    }


def _of_owner(tags: pa.Table, source: str) -> pa.Table:
    """Tags that name the album's owner, of one source; null reads as manual."""
    named = tags.filter(pc.equal(tags["user_id"], tags["owner_id"]))
    return named.filter(pc.equal(pc.fill_null(named["source"], "manual"), source))


def _about_owner(sightings: Sightings, people: pa.Table, column: str) -> Floats:
    """A column of table ``people`` for the owner of each cluster; NaN = not known."""
    return about_users(sightings.albums.user_id, people, column)[sightings.cluster_user]


def _saturated(sightings: Sightings, votes: Floats) -> Floats:
    """Votes as votes / (1 + |votes|); NaN where no cluster of the album has any."""
    users = len(sightings.albums.user_id)
    cast = np.bincount(sightings.cluster_user, weights=votes != 0, minlength=users)[sightings.cluster_user]
    return np.where(cast > 0, votes / (1.0 + np.abs(votes)), np.nan)
