"""Settings for drawn people: they stand nearer to one another in a recognition network than real people do.

These numbers say how to cluster drawings with dlib's network. They must never be quoted as accuracy on photos.
"""

from __future__ import annotations

from typing import Any

DEMO_SETTINGS: dict[str, dict[str, Any]] = {
    "clustering": {
        # Cosine distance. Three demos of 201 to 238 faces: every cluster pure at .048, one a demo mixed at .05; at .042
        # three of 51 owners fall apart. The model's own .0602, fitted on real faces, mixes 2 to 6 of 41 to 48 clusters.
        "eps": 0.046,
        # L2. Drawn faces lie at .350 and more, MTCNN's false finds on drawn places at .316 and less; the model's own
        # cut, .345, is so near to the former that another seed could lose faces to it.
        "nonface_cut": 0.335,
    }
}
"""Section -> setting -> value, for `Settings.model_validate`; only for the model "dlib"."""
