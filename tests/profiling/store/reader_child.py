"""A process that reads without a pause until its standard input closes, and logs every read as a line of JSON."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from profiling.store import open_store
from tests.profiling.store.populations import Oracle, answer, draw_profiles, expected
from tests.profiling.store.publisher_child import USERS

ASKED = USERS[::9]


def main(uri: str, log: str) -> None:
    store = open_store(uri)
    oracles: dict[str, Oracle] = {}
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    with Path(log).open("w") as file:
        while not stop.is_set():
            try:
                snapshot = store.snapshot()
                found = [answer(each) for each in snapshot.get_many(ASKED)]
                id = snapshot.generation.id
                oracle = oracles.setdefault(id, expected(draw_profiles(USERS, int(id[1:]))))
                wrong = sum(one != oracle[user] for user, one in zip(ASKED, found, strict=True))
                line = {"generation": id, "wrong": wrong}
            except Exception as error:
                line = {"error": f"{type(error).__name__}: {error}"}
            file.write(json.dumps(line | {"at": time.time()}) + "\n")
            file.flush()
            time.sleep(0.001)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
