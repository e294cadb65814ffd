"""Statements against Cassandra: a bounded number in flight, tried again with jitter when it is busy or away.

What `run` sends is idempotent, so a statement whose answer was lost may be sent twice; `decide` is for lightweight
transactions, where a lost answer must be looked up.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cassandra import (
    DriverException,
    InvalidRequest,
    OperationTimedOut,
    RequestExecutionException,
    Unauthorized,
    UnresolvableContactPoints,
)
from cassandra.cluster import NoHostAvailable, Session
from cassandra.concurrent import execute_concurrent
from cassandra.connection import ConnectionBusy, ConnectionException
from cassandra.protocol import ErrorMessage, SyntaxException

from profiling.errors import StoreError

IN_FLIGHT = 128  # statements of one process; more only queue in the server (the bare driver has 100)
FEW = 4  # statements up to which the driver's executor costs more than they do: one user's read has two
PIECE = 20_000  # statements handed to the driver at a time, so that answers of a large bucket are not held
PASSING = (RequestExecutionException, OperationTimedOut, NoHostAvailable, ConnectionException, ConnectionBusy)
PASSING_MESSAGES = ("OverloadedErrorMessage", "IsBootstrappingErrorMessage", "ServerError")
FIRST_WAIT_S = 0.1  # seconds; doubled with each try, and drawn between half and one and a half of it
LONGEST_WAIT_S = 5.0
PATIENCE_S = 30.0  # seconds without any success until a statement is given up

Call = tuple[Any, Sequence[Any]]  # a prepared statement and its values


class Requests:
    """What one session sends; `name` is the store's, for error lines."""

    def __init__(self, session: Session, name: str, patience_s: float = PATIENCE_S) -> None:
        self.session, self.name, self.patience_s = session, name, patience_s

    def run(self, calls: Sequence[Call], in_flight: int = IN_FLIGHT) -> list[Any]:
        """Send idempotent statements; their results, in order.

        Raises
        ------
        StoreError
            The server refuses one, or stays busy or away for `patience_s`.
        """
        results: list[Any] = []
        for start in range(0, len(calls), PIECE):
            results += self._piece(calls[start : start + PIECE], in_flight)
        return results

    def one(self, statement: Any, values: Sequence[Any] = ()) -> Any:
        """Send one idempotent statement."""
        return self.run([(statement, values)])[0]

    def decide(self, statement: Any, values: Sequence[Any], is_done: Callable[[], bool]) -> bool:
        """Send a lightweight transaction; whether it holds now.

        Parameters
        ----------
        is_done : looks up, at serial consistency, whether an earlier try did it after all.
        """
        return bool(self._again(lambda: self.session.execute(statement, values).was_applied or is_done()))

    def ask(self, statement: Any, values: Sequence[Any] = ()) -> Any:
        """Send one statement that only reads, on its own."""
        return self._again(lambda: self.session.execute(statement, values))

    def prepare(self, query: str) -> Any:
        """Have the server prepare a statement."""
        return self._again(lambda: self.session.prepare(query))

    def _again(self, act: Callable[[], Any]) -> Any:
        until, wait = time.monotonic() + self.patience_s, FIRST_WAIT_S
        while True:
            try:
                return act()
            except Exception as error:
                if not _passes(error) or time.monotonic() > until:
                    raise explain(error, self.name) from None
            wait = _sleep(wait)

    def _send(self, calls: Sequence[Call], in_flight: int) -> Sequence[tuple[bool, Any]]:
        """Send each once; whether it succeeded, and its result or error."""
        if len(calls) > FEW:
            return list(execute_concurrent(self.session, calls, in_flight, raise_on_first_error=False))
        return [_outcome(future) for future in [self.session.execute_async(*call) for call in calls]]

    def _piece(self, calls: Sequence[Call], in_flight: int) -> list[Any]:
        results: list[Any] = [None] * len(calls)
        waiting = list(range(len(calls)))
        until, wait = time.monotonic() + self.patience_s, FIRST_WAIT_S
        while waiting:
            answers = self._send([calls[place] for place in waiting], in_flight)
            failed = []
            for place, (success, result) in zip(waiting, answers, strict=True):
                if success:
                    results[place] = result
                elif _passes(result):
                    failed.append((place, result))
                else:
                    raise explain(result, self.name)
            if len(failed) < len(waiting):
                until, wait = time.monotonic() + self.patience_s, FIRST_WAIT_S
            elif time.monotonic() > until:
                raise explain(failed[0][1], self.name)
            waiting = [place for place, _ in failed]
            if waiting:
                in_flight = max(1, in_flight // 2)  # the server said that it is too much
                wait = _sleep(wait)
        return results


@contextlib.contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what the driver raises into one line."""
    try:
        yield
    except (DriverException, NoHostAvailable, ErrorMessage, ConnectionException, ConnectionBusy) as error:
        raise explain(error, name) from None


def explain(error: BaseException, name: str) -> StoreError:
    """One line for what the driver or the server says; values of statements are not in it."""
    if isinstance(error, StoreError):
        return error
    inner = [*error.errors.values()] if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict) else []
    words = " ".join(str(each) for each in (error, *inner))
    if "authenticat" in words.lower() or "credentials" in words.lower() or "Bad credentials" in words:
        return StoreError(f"{name}: user or password is refused; set KITH_CASSANDRA_PASSWORD, and the user in the URI")
    if isinstance(error, Unauthorized):
        return StoreError(f"{name}: this user may not do that ({_first(error)}); grant it, or use another user")
    if isinstance(error, SyntaxException):
        return StoreError(f"{name}: a word of CQL itself, such as full or table, is no keyspace's name; choose another")
    if isinstance(error, InvalidRequest):
        return StoreError(f"{name}: {_first(error)}; make the store with kith store create, or take a new snapshot")
    if isinstance(error, (NoHostAvailable, UnresolvableContactPoints)):
        return StoreError(f"{name}: cannot be reached; check host, port and ?datacenter=, and that the server is up")
    if isinstance(error, (DriverException, ErrorMessage, ConnectionException, ConnectionBusy)):
        return StoreError(f"{name}: did not answer ({type(error).__name__}); see the server's log, then run again")
    return StoreError(f"{name}: failed ({type(error).__name__}); run again")


def _outcome(future: Any) -> tuple[bool, Any]:
    try:
        return True, future.result()
    except (*PASSING, DriverException, ErrorMessage) as error:
        return False, error


def _first(error: BaseException) -> str:
    text = str(error).splitlines()[0]
    return text.partition('message="')[2].rstrip('"') or text


def _passes(error: BaseException) -> bool:
    return isinstance(error, PASSING) or type(error).__name__ in PASSING_MESSAGES


def _sleep(wait: float) -> float:
    time.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
    return min(2 * wait, LONGEST_WAIT_S)
