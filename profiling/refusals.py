"""Why a photo gave no faces: the codes that `seen` stores and `kith status` counts, each with a sentence for people."""

from __future__ import annotations

REASONS: dict[str, str] = {
    "ok": "Read, and at least one face was found.",
    "no_face": "Read, but no face was found.",
    "missing": "There is no file at this place.",
    "unreadable": "The file cannot be read: no permission, not a regular file, or the storage refused.",
    "not_a_photo": "The content is not JPEG, PNG, WebP, TIFF, BMP, GIF or HEIC, whatever its name says.",
    "truncated": "The file is empty, ends too early or is damaged.",
    "too_large": "The file has more bytes than decoding.max_bytes.",
    "too_small": "The shorter side has fewer pixels than decoding.min_side, at once or after scaling.",
    "bomb": "The header promises more pixels than decoding.max_pixels.",
    "bad_uri": "The URI is empty, malformed or climbs out of the population folder.",
    "no_driver": "The Python package that reads this kind of URL is not installed.",
    "decoder_died": "The decoder process died on this photo twice.",
    "decoder_timeout": "The decoder took longer than decoding.timeout_s twice.",
    "no_memory": "The photo needs more memory than decoding.memory_mb.",
    "set_aside": "Not looked at: the work on its part of the bucket failed three times.",
}


class PhotoRefused(Exception):
    """A photo that is not decoded, with a code of `REASONS` and one sentence.

    The sentence never holds a path, a URL or file content: it is stored in the lake and shown on pages.
    """

    def __init__(self, reason: str, detail: str) -> None:
        if reason not in REASONS:
            raise ValueError(f"{reason!r} is no code of refusals.REASONS")
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
