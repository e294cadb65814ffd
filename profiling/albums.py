"""The albums of a bucket laid out as flat arrays: users, their selected photos, and the faces on these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.duplicates import near_duplicates
from profiling.exact import cosine_rows
from profiling.vectors import unpack_vectors

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

YEAR = 365.2425  # days, Gregorian mean
MICROSECONDS_A_DAY = 86_400_000_000
EPOCH = 1970.0
SAME_LOOK = 0.6  # of eps; faces of copies lay within .55, those of other photos below it in 12 % of pairs (dlib)
SAME_PLACE = 0.1  # of the photo's side; boxes on copies cropped by up to 2 % of each edge moved by .08 at most


@dataclass(frozen=True)
class Albums:
    """Users with consent, their selected photos and all faces found there, as arrays that point upwards.

    Users are sorted by id, photos by (user, photo_id), faces by (user, photo_id, face).

    Parameters
    ----------
    user_id, user_row : int64 [users].
    photo_id : int64 [photos]. photo_user : place of its user. photo_quality : of the selection. photo_avatar : flags.
        photo_year : fractional year it was taken, NaN = unknown.
    face_number, face_photo, face_user : int64 [faces]; the latter two are places.
    vectors : float16 [faces, dim]. boxes : float64 [faces, 4], x, y, w, h relative to the photo.
    score, sharpness, norm, age, female, nonface_distance : float64 [faces], as in table ``faces``.
    """

    user_id: Ints
    user_row: Ints
    photo_id: Ints
    photo_user: Ints
    photo_quality: Floats
    photo_avatar: Flags
    photo_year: Floats
    face_number: Ints
    face_photo: Ints
    face_user: Ints
    vectors: npt.NDArray[np.float16]
    boxes: Floats
    score: Floats
    sharpness: Floats
    norm: Floats
    age: Floats
    female: Floats
    nonface_distance: Floats

    @property
    def bounds(self) -> Ints:
        """int64 [users + 1]: the faces of user u are ``bounds[u]:bounds[u + 1]``."""
        return np.searchsorted(self.face_user, np.arange(len(self.user_id) + 1))


def lay_out(users: pa.Table, photos: pa.Table, selection: pa.Table, faces: pa.Table) -> Albums:
    """Join the tables of a bucket; what is not selected, or whose owner has not consented, is left out."""
    users = users.filter(pc.fill_null(users["consent"], True)).sort_by("user_id")
    user_id = integers(users["user_id"])
    chosen = selection.filter(pc.is_in(selection["owner_id"], value_set=users["user_id"].combine_chunks()))
    chosen = chosen.sort_by([("owner_id", "ascending"), ("photo_id", "ascending")])
    photo_id = integers(chosen["photo_id"])
    about = photos.take(pa.array(find(photo_id, integers(photos["photo_id"]))[0]))
    by_id = np.argsort(photo_id, kind="stable")
    place, selected = find(integers(faces["photo_id"]), photo_id[by_id])
    faces = faces.filter(pa.array(selected))
    face_photo = by_id[place[selected]] if len(by_id) else place[selected]
    order = np.lexsort((integers(faces["face"]), face_photo))
    faces, face_photo = faces.take(pa.array(order)), face_photo[order]
    photo_user = find(integers(chosen["owner_id"]), user_id)[0]
    read = {name: numbers(faces[name]) for name in ("score", "sharpness", "norm", "age", "female", "nonface_distance")}
    return Albums(
        user_id=user_id,
        user_row=integers(users["row"]),
        photo_id=photo_id,
        photo_user=photo_user,
        photo_quality=numbers(chosen["quality"]),
        photo_avatar=flags(about["was_avatar"]),
        photo_year=years(about["taken_at"]),
        face_number=integers(faces["face"]),
        face_photo=face_photo,
        face_user=photo_user[face_photo],
        vectors=unpack_vectors(faces["embedding"]),
        boxes=np.stack([numbers(faces[name]) for name in ("x", "y", "w", "h")], axis=1),
        **read,
    )


def stand_ins(albums: Albums, seen: pa.Table, kept: Flags, bits: int, eps: float) -> Ints:
    """For each photo the place of the photo that stands for its near-duplicates (its own when alone).

    Photos of one album whose perceptual hashes hardly differ and that show equally many kept faces are one picture;
    see `near_duplicates`. `kept` bool [faces]; `eps` is the cosine distance that counts as one; the smallest photo_id
    stands for its group.
    """
    seen_id = integers(seen["photo_id"])
    order = np.argsort(seen_id, kind="stable")
    place, known = find(albums.photo_id, seen_id[order])
    rows = pa.array(order[place] if len(order) else place, mask=~known)
    hashes = seen["perceptual_hash"].combine_chunks().take(rows)
    faces = np.bincount(albums.face_photo[kept], minlength=len(albums.photo_id))
    usable = np.flatnonzero(np.asarray(pc.is_valid(hashes)) & (faces > 0))
    result = np.arange(len(albums.photo_id))
    found = np.asarray(hashes.fill_null(0), np.uint64)[usable]

    def alike(one: Ints, other: Ints) -> Flags:
        return _alike(albums, np.flatnonzero(kept), usable[one], usable[other], eps)

    group = near_duplicates(albums.photo_user[usable], found, faces[usable].astype(np.int16), bits, alike)
    result[usable] = usable[group]
    return result


def _alike(albums: Albums, kept: Ints, one: Ints, other: Ints, eps: float) -> Flags:
    """Whether each kept face on photo `one` has its like on photo `other`, bool [pairs]: same place, same look."""
    photo = albums.face_photo[kept]
    first = np.searchsorted(photo, np.stack([one, other]), "left")
    count = np.searchsorted(photo, np.stack([one, other]), "right") - first
    crossed = count[0] * count[1]
    pair = np.repeat(np.arange(len(one)), crossed)
    step = np.arange(len(pair)) - (np.cumsum(crossed) - crossed)[pair]
    here = kept[first[0][pair] + step // count[1][pair]]
    there = kept[first[1][pair] + step % count[1][pair]]
    near = 1.0 - cosine_rows(albums.vectors[here], albums.vectors[there]) <= SAME_LOOK * eps
    near &= np.abs(albums.boxes[here] - albums.boxes[there]).max(axis=1, initial=0.0) <= SAME_PLACE
    matched = np.unique(np.stack([pair[near], here[near]]), axis=1)[0]
    return np.asarray(np.bincount(matched, minlength=len(one)) == count[0])


def find(wanted: Ints, keys: Ints) -> tuple[Ints, Flags]:
    """Place of each wanted id among sorted unique keys, and whether it is there (else the place means nothing)."""
    if len(keys) == 0:
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return place, keys[place] == wanted


def integers(column: Any) -> Ints:
    """A column without nulls as int64."""
    return np.asarray(column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column, np.int64)


def numbers(column: Any) -> Floats:
    """A column as float64, null = NaN."""
    return np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan), np.float64)


def flags(column: Any) -> Flags:
    """A column of truth values, null = False."""
    return np.asarray(pc.fill_null(column, False), np.bool_)


def years(column: Any) -> Floats:
    """Moments as fractional years, null = NaN."""
    moments = numbers(column.cast(pa.timestamp("us")).cast(pa.int64()))
    return EPOCH + moments / MICROSECONDS_A_DAY / YEAR
