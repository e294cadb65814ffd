"""Ports for servers of tests that others reach by number: nobody is handed one of them by chance."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from pathlib import Path

LOWEST, USUAL_EPHEMERAL = 20_000, 32_768  # above Ray's workers (10002 to 19999), below what a system hands out
SYSTEM_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_chance = random.SystemRandom()  # tests that run beside each other draw other ports, whatever seed they set


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on, below those that the system gives to whoever asks for any.

    A server may listen half a minute after its port was chosen; meanwhile every connection and every worker of a Ray
    takes some port of the system's range.
    """
    highest = int(SYSTEM_RANGE.read_text().split()[0]) if SYSTEM_RANGE.exists() else USUAL_EPHEMERAL
    candidates = range(LOWEST, highest) if highest - LOWEST > 100 * count else range(LOWEST, 1 << 16)
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            port, probe = _chance.choice(candidates), held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found
