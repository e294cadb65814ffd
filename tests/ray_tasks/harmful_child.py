"""The main program of a decoder to which some file names mean harm; it notes what it does in `log` of the folder."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from profiling.decoding import DecodedPhoto
from profiling.settings import DecodingSettings
from ray_tasks.decoder_child import read_and_decode, serve

MODULE = "tests.ray_tasks.harmful_child"
HARMS = ("segfault", "once", "exit", "hang", "slow", "greedy", "noisy", "lying")


def begun(folder: Path) -> list[str]:
    """The URIs that decoders began, in order; a second try counts again."""
    log = folder / "log"
    return (
        [line.split()[1] for line in log.read_text().splitlines() if line.startswith("begin")] if log.exists() else []
    )


def decode(uri: str, folder: str, settings: DecodingSettings) -> DecodedPhoto:
    """Do what the name says, then decode."""
    first = uri not in begun(Path(folder))
    note(folder, f"begin {uri}")
    harm(uri.removesuffix(".png"), first)
    photo = read_and_decode(uri, folder, settings)
    if uri == "lying.png":
        object.__setattr__(photo, "width", -1)
    note(folder, f"end {uri}")
    return photo


def harm(name: str, first: bool) -> None:
    """Die, hang, or write what nobody asked for."""
    if name == "segfault" or (name == "once" and first):
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "exit":
        os._exit(3)
    if name == "greedy":
        bytearray(1 << 40)
    if name == "noisy":
        os.write(1, b"x" * 100_000)
        os.write(2, b"x" * 100_000)
    time.sleep({"hang": 600, "slow": 1}.get(name, 0.01))


def note(folder: str, line: str) -> None:
    """Append a line; short ones are whole whoever writes beside us."""
    with (Path(folder) / "log").open("a") as log:
        log.write(line + "\n")


if __name__ == "__main__":
    serve(decode)
