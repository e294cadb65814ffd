"""A Ray job's log, line by line while it is written, and what its last lines say."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

RETRY_S = 2.0  # seconds until a broken stream is opened again
KEPT_LINES = 2000  # of the end of the log: the document that a command prints last, and the reason of a failure
REASON_LENGTH = 500  # characters of a reason in an exception: one line of the task's page


class LogTail(threading.Thread):
    """Reads a job's log over the Jobs API's WebSocket beside the task's own thread, which alone writes it.

    The task's thread takes signals and timeouts, and an event loop would swallow what they raise: the loop lives here.
    """

    def __init__(self, client: JobSubmissionClient, submission_id: str) -> None:
        super().__init__(name=f"log-{submission_id}", daemon=True)
        self._client, self._id = client, submission_id
        self._texts: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._over = threading.Event()
        self._read = 0

    def run(self) -> None:
        """Read until the log ends; a stream that breaks is opened again and goes on where it was."""
        while not self._over.is_set():
            try:
                asyncio.run(self._follow())
                return
            except Exception:  # whatever breaks the stream, the job's state alone decides about the task
                self._over.wait(RETRY_S)

    def take(self, wait_s: float) -> str:
        """Everything that came, after waiting at most `wait_s` seconds for something to come."""
        texts = []
        deadline = time.monotonic() + wait_s
        try:
            while True:
                texts.append(self._texts.get(timeout=max(0.0, deadline - time.monotonic())))
                deadline = 0.0
        except queue.Empty:
            return "".join(texts)

    def stop(self, drain_s: float = 0.0) -> str:
        """Give the stream `drain_s` seconds to come to its end, and return what was left."""
        self.join(drain_s)
        self._over.set()
        return self.take(0.0)

    async def _follow(self) -> None:
        position = 0
        async for text in self._client.tail_job_logs(self._id):
            fresh = text[max(0, self._read - position) :]
            position += len(text)
            if fresh:
                self._read = position
                self._texts.put(fresh)


class LogLines:
    """Cuts a log into lines as it comes, hands each on, and remembers the last ones."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._rest = say, ""
        self._kept: deque[str] = deque(maxlen=KEPT_LINES)

    def feed(self, text: str) -> None:
        """Take the next piece of the log."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._kept.append(line)
            self._say(line)

    def close(self) -> None:
        """Say the last line even if nothing ended it."""
        if self._rest:
            self.feed("\n")

    def reason(self) -> str:
        """The last line that says something: a command's error is its last line."""
        said = (line.strip() for line in reversed(self._kept))
        return next((line for line in said if line), "its log is empty")

    def document(self) -> Any:
        """The JSON document that ends the log, None when it ends otherwise."""
        lines = list(self._kept)
        for start in range(len(lines) - 1, -1, -1):
            if lines[start][:1] in ("{", "["):
                try:
                    return json.loads("\n".join(lines[start:]))
                except ValueError:
                    return None
        return None
