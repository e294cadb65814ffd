"""Where networks were trained to find the five points: left eye, right eye, nose, corners of the mouth, in pixels."""

from __future__ import annotations

Template = tuple[tuple[float, float], ...]

ARCFACE_SIDE = 112  # pixels
# insightface, the 112-pixel "arcface" template; EdgeFace and most networks trained on MS1M or WebFace share it
ARCFACE: Template = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)

FACENET_SIDE = 160  # pixels
# FaceNet was trained on MTCNN's boxes, not on aligned points. This is where the points lie, by the median of 634 photos
# of LFW made symmetric, in a box with facenet-pytorch's margin of 14 pixels. Such boxes are stretched to a square, so
# that faces come out a third too wide; a similarity never stretches, so the fit takes the middle way.
FACENET: Template = ((46.7, 63.6), (113.3, 63.6), (80.0, 92.5), (50.6, 117.3), (109.4, 117.3))

NAMED = {"arcface": (ARCFACE_SIDE, ARCFACE), "facenet": (FACENET_SIDE, FACENET)}


def named_template(name: str, size: int) -> Template:
    """The template of this name, a key of `NAMED`, scaled to a chip of `size` pixels."""
    side, points = NAMED[name]
    factor = size / side
    return tuple((round(x * factor, 4), round(y * factor, 4)) for x, y in points)
