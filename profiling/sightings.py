"""Who was seen where: the bridge between clustered faces and what speaks for each cluster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiling.albums import Albums, Flags, Floats, Ints


@dataclass(frozen=True)
class Sightings:
    """Who was seen where: faces with their cluster, and what follows for clusters and photos.

    Parameters
    ----------
    albums : the layout that all places refer to.
    label : int64 [faces], place of the cluster, -1 = none; clusters are sorted by user, number.
    member : bool [faces], faces that count for their cluster (near-duplicates do not).
    kept : bool [faces], faces that passed the cuts.
    cluster_user : int64 [clusters], place of the owner. number : int64 [clusters], from 0 within an album.
    faces, photos : int64 [clusters], members, and distinct photos with a member.
    pair_cluster, pair_photo, pair_faces : int64 [pairs], each cluster's photos and its members on them.
    company : int64 [photos], kept faces on the photo.
    """

    albums: Albums
    label: Ints
    member: Flags
    kept: Flags
    cluster_user: Ints
    number: Ints
    faces: Ints
    photos: Ints
    pair_cluster: Ints
    pair_photo: Ints
    pair_faces: Ints
    company: Ints

    @classmethod
    def of(cls, albums: Albums, label: Ints, member: Flags, kept: Flags) -> Sightings:
        """Count; `label` must be without gaps and in the order of users."""
        count = int(label.max(initial=-1)) + 1
        user = np.zeros(count, np.int64)
        user[label[member]] = albums.face_user[member]
        start = np.searchsorted(user, user)
        pairs, faces = np.unique(np.stack([label[member], albums.face_photo[member]]), axis=1, return_counts=True)
        return cls(
            albums=albums,
            label=label,
            member=member,
            kept=kept,
            cluster_user=user,
            number=np.arange(count) - start,
            faces=np.bincount(label[member], minlength=count),
            photos=np.bincount(pairs[0], minlength=count),
            pair_cluster=pairs[0],
            pair_photo=pairs[1],
            pair_faces=faces,
            company=np.bincount(albums.face_photo[kept], minlength=len(albums.photo_id)),
        )

    def mean(self, values: Floats) -> Floats:
        """Mean over the members of each cluster of one value a member, NaN where a value is."""
        label = self.label[self.member]
        return np.asarray(np.bincount(label, weights=values, minlength=len(self.faces)) / self.faces)

    def median(self, values: Floats) -> Floats:
        """Median over the members of each cluster of one value a member, those not NaN; NaN without any."""
        label = self.label[self.member]
        known = ~np.isnan(values)
        label, values = label[known], values[known]
        order = np.lexsort((values, label))
        count = np.bincount(label, minlength=len(self.faces))
        start = np.cumsum(count) - count
        result = np.full(len(count), np.nan)
        some = count > 0
        low, high = (start + (count - 1) // 2)[some], (start + count // 2)[some]
        result[some] = (values[order][low] + values[order][high]) / 2
        return result

    def against_album(self, values: Floats) -> Floats:
        """Each cluster's mean minus that of all members of its album (one value a member)."""
        user = self.cluster_user[self.label[self.member]]
        users = len(self.albums.user_id)
        count = np.bincount(user, minlength=users)
        mean = np.bincount(user, weights=values, minlength=users) / np.maximum(count, 1)
        return self.mean(values) - mean[self.cluster_user]

    def share_of_photos(self, photos: Flags) -> Floats:
        """Share of the owner's photos among `photos` (bool [photos]) that show the cluster; NaN without any."""
        users = len(self.albums.user_id)
        total = np.bincount(self.albums.photo_user[photos], minlength=users)[self.cluster_user]
        inside = photos[self.pair_photo]
        shown = np.bincount(self.pair_cluster[inside], minlength=len(self.faces))
        return np.where(total > 0, shown / np.maximum(total, 1), np.nan)

    @property
    def counted(self) -> Flags:
        """bool [photos]: photos that show a member of any cluster."""
        shown = np.zeros(len(self.albums.photo_id), np.bool_)
        shown[self.albums.face_photo[self.member]] = True
        return shown
