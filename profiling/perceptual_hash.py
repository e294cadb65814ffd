"""A 64-bit perceptual hash of a photo: a few bits change when the photo is scaled or saved again."""

from __future__ import annotations

import imagehash
from PIL import Image

HASH_SIDE = 128  # pixels; a photo is boxed down to about this before imagehash scales it to 32 x 32


def perceptual_hash(photo: Image.Image) -> int:
    """The 64-bit pHash (DCT of 32 x 32 grey pixels against its median) of an upright photo, 0 to 2**64 - 1.

    The same photo scaled or saved again differs by a few bits, another photo by about 32. See Zauner, "Implementation
    and Benchmarking of Perceptual Image Hash Functions" (2010); computed by `imagehash`.
    """
    step = max(photo.size) // HASH_SIDE
    small = photo.reduce(step) if step > 1 else photo
    return int(str(imagehash.phash(small)), 16)
