"""One decoder process as its parent sees it: start, ask, kill, start again."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import Any

import numpy as np

from profiling.decoding import DecodedPhoto, PhotoRefused
from profiling.errors import KithError
from profiling.settings import DecodingSettings
from ray_tasks.decoder_child import CHANNELS, receive, send, slot_bytes

CHILD_MODULE = "ray_tasks.decoder_child"
START_TIMEOUT = 120.0  # seconds; 0.4 s on a quiet machine, much more where many start at once from a slow disk
START_ATTEMPTS = 3  # the kernel may end one that starts while memory is short
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # of arithmetic; the pool is what runs in parallel


class DecoderDied(Exception):
    """The child is gone; `refusal` is what the photo gets if this was its second time."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.refusal = PhotoRefused(reason, detail)


class DecoderProcess:
    """A child that decodes one photo at a time. One thread may use it at a time; `kill` and `pid` any thread.

    Pixels come through an anonymous shared file that only the two processes hold, so whichever is killed, nothing
    stays behind. What the child answers is checked: it parses hostile bytes.
    """

    def __init__(self, folder: str, settings: DecodingSettings, module: str = CHILD_MODULE) -> None:
        self._greeting = {"folder": folder, "settings": settings.model_dump(mode="json")}
        self._settings = settings
        self._module = module
        self._ended = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._slot_fd = _anonymous_file(slot_bytes(settings))
        self._slot = mmap.mmap(self._slot_fd, slot_bytes(settings))

    @property
    def pid(self) -> int | None:
        """Its process id, None while it does not run or is still starting."""
        process, connection = self._process, self._connection
        return process.pid if process is not None and connection is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the child unless it runs.

        Raises
        ------
        KithError
            It cannot start; the line holds the last one that it wrote.
        """
        if self.pid is not None:
            return
        last = ""
        for _ in range(START_ATTEMPTS):
            if self._ended.is_set():
                raise DecoderDied("decoder_died", "The pool was closed.")
            with tempfile.TemporaryFile() as complaints:
                try:
                    self._spawn(complaints.fileno())
                    return
                except (OSError, EOFError, ValueError) as error:
                    self._stop()
                    complaints.seek(0)
                    lines = complaints.read().decode("utf-8", "replace").strip().splitlines()
                    last = lines[-1] if lines else str(error) or "it ended without a word"
        raise KithError(f"decoder process ({self._module}) cannot start: {last}; check memory and the installation")

    def decode(self, uri: str) -> DecodedPhoto | PhotoRefused:
        """The photo, or why the child refuses it; starts a dead child first.

        Raises
        ------
        DecoderDied
            It died or was killed because it took longer than `timeout_s`, ran out of memory or answered nonsense.
        """
        self.start()
        connection = self._connection
        if connection is None:
            raise DecoderDied("decoder_died", "The pool was closed.")
        try:
            connection.settimeout(self._settings.timeout_s)
            send(connection, {"uri": uri})
            answer = receive(connection)
            if answer["reason"] == "ok":
                return self._photo(answer)
            refusal = PhotoRefused(str(answer["reason"]), str(answer["detail"]))
        except TimeoutError:
            self._stop()
            raise DecoderDied("decoder_timeout", f"Longer than {self._settings.timeout_s:g} s, twice.") from None
        except (OSError, EOFError):
            raise DecoderDied("decoder_died", f"The decoder ended twice, last {self._stop()}.") from None
        except (ValueError, KeyError, TypeError):
            self._stop()
            raise DecoderDied("decoder_died", "The decoder gave a broken answer twice.") from None
        if refusal.reason == "no_memory":  # perhaps only because of what it decoded before: ask a fresh one
            self._stop()
            raise DecoderDied(refusal.reason, refusal.detail)
        return refusal

    def kill(self) -> None:
        """End the child for good; whoever waits for its answer learns of it."""
        self._ended.set()
        if (process := self._process) is not None:
            with contextlib.suppress(OSError):
                process.kill()

    def close(self) -> None:
        """Kill it and give back descriptors and memory. Twice is once."""
        self.kill()
        self._stop()
        if not self._slot.closed:
            self._slot.close()
            os.close(self._slot_fd)

    def _spawn(self, complaints: int) -> None:
        self._stop()  # what is left of one that died while idle
        ours, theirs = socket.socketpair()
        fds = (theirs.fileno(), self._slot_fd)
        path = os.pathsep.join(dict.fromkeys(os.path.abspath(entry) for entry in sys.path))
        with theirs:
            self._process = subprocess.Popen(
                # -P: a folder named like one of our packages in the working directory must not be imported instead
                [sys.executable, "-P", "-m", self._module, *map(str, fds), str(os.getpid())],
                pass_fds=fds,
                env={**os.environ, **ONE_THREAD, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
            )
        try:
            ours.settimeout(START_TIMEOUT)
            send(ours, self._greeting)
            receive(ours)
        except BaseException:
            ours.close()
            raise
        self._connection = ours

    def _stop(self) -> str:
        """Kill and reap the child; return how it ended."""
        connection, process = self._connection, self._process
        self._connection = self._process = None
        if connection is not None:
            connection.close()
        if process is None:
            return "before it began"
        process.kill()  # does nothing to one that ended
        code = process.wait()
        return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"

    def _photo(self, answer: dict[str, Any]) -> DecodedPhoto:
        height, width = (int(side) for side in answer["shape"])
        stored_width, stored_height = (int(side) for side in answer["size"])
        content_hash, perceptual_hash = bytes.fromhex(answer["content_hash"]), int(answer["perceptual_hash"])
        if not (0 < height <= self._settings.max_side and 0 < width <= self._settings.max_side):
            raise ValueError("shape out of range")
        if stored_width < 1 or stored_height < 1 or len(content_hash) != 16 or not 0 <= perceptual_hash < 1 << 64:
            raise ValueError("numbers out of range")
        count = height * width * CHANNELS
        pixels = np.frombuffer(self._slot, np.uint8, count).reshape(height, width, CHANNELS).copy()
        return DecodedPhoto(pixels, stored_width, stored_height, content_hash, perceptual_hash)


def _anonymous_file(size: int) -> int:
    """Descriptor of a file that no folder lists; in memory where the system can."""
    if sys.platform == "linux":
        fd = os.memfd_create("kith-decoder")  # not /dev/shm: containers give that 64 MB
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, size)
    return fd
