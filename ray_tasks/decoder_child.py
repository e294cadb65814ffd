"""The process that decodes photos, one at a time, for one `DecoderPool`; it may die without harm.

It imports neither Ray nor torch. Everything goes over one socket that it inherits: a greeting with folder and
settings, then a request a photo, as length-prefixed JSON; pixels go through memory that both processes map, so no
pickle is ever read from a process that parses hostile files.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import mmap
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from profiling.decoding import DecodedPhoto, PhotoRefused, decode_photo, read_photo
from profiling.perceptual_hash import perceptual_hash
from profiling.settings import DecodingSettings

PR_SET_PDEATHSIG = 1  # linux/prctl.h
OOM_SCORE = 1000  # the highest: when memory ends, a decoder goes first, never the actor it belongs to
LENGTH = struct.Struct("!I")  # before each message
MAX_MESSAGE = 1 << 20  # bytes; a URI and its answer are far shorter
CHANNELS = 3

Decode = Callable[[str, str, DecodingSettings], DecodedPhoto]


def slot_bytes(settings: DecodingSettings) -> int:
    """Bytes of shared memory that hold any decoded photo."""
    return settings.max_side * settings.max_side * CHANNELS


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Write one message; raises OSError when the other side is gone."""
    text = json.dumps(message).encode("ascii")
    connection.sendall(LENGTH.pack(len(text)) + text)


def receive(connection: socket.socket) -> dict[str, Any]:
    """Read one message; raises EOFError when the other side is gone, ValueError when it is none."""
    (length,) = LENGTH.unpack(_exactly(connection, LENGTH.size))
    if length > MAX_MESSAGE:
        raise ValueError("message too long")
    message = json.loads(_exactly(connection, length))
    if not isinstance(message, dict):
        raise ValueError("message is no object")
    return message


def serve(decode: Decode) -> None:
    """Answer requests until the parent is gone. `sys.argv`: descriptors of the socket and the slot, parent's pid."""
    connection_fd, slot_fd, parent = (int(text) for text in sys.argv[1:4])
    _end_with_parent(parent)
    connection = socket.socket(fileno=connection_fd)
    greeting = receive(connection)
    settings = DecodingSettings.model_validate(greeting["settings"])
    slot = mmap.mmap(slot_fd, slot_bytes(settings))
    perceptual_hash(Image.new("RGB", (64, 64)))  # imports what decoding needs, while memory is not yet limited
    _limit(settings.memory_mb)
    send(connection, {"ready": True})
    _be_silent()
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = receive(connection)
            send(connection, _answer(decode, str(request["uri"]), str(greeting["folder"]), settings, slot))


def _answer(decode: Decode, uri: str, folder: str, settings: DecodingSettings, slot: mmap.mmap) -> dict[str, Any]:
    try:
        photo = decode(uri, folder, settings)
    except PhotoRefused as refused:
        return {"reason": refused.reason, "detail": refused.detail}
    except MemoryError:
        return {"reason": "no_memory", "detail": "The photo does not fit into the decoder's memory."}
    height, width, _ = photo.pixels.shape
    np.frombuffer(slot, np.uint8, photo.pixels.size).reshape(photo.pixels.shape)[:] = photo.pixels
    return {
        "reason": "ok",
        "shape": [height, width],
        "size": [photo.width, photo.height],
        "content_hash": photo.content_hash.hex(),
        "perceptual_hash": photo.perceptual_hash,
    }


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, even while it decodes; elsewhere the socket ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the call
        os._exit(1)


def _be_silent() -> None:
    """Send what C libraries complain of to nowhere: the reasons say what matters, and a hostile photo could flood."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)


def _limit(memory_mb: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it closes the socket
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # not everywhere settable; then the timeout and the kernel remain
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(str(OOM_SCORE))


def read_and_decode(uri: str, folder: str, settings: DecodingSettings) -> DecodedPhoto:
    """What a decoder does for each photo."""
    return decode_photo(read_photo(uri, folder, settings), settings)


if __name__ == "__main__":
    serve(read_and_decode)
