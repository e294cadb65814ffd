"""Where a build may stop, and what it tells there: numbers for people and for whoever schedules the stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from profiling.errors import SettingsError
from ray_tasks.generations import Generation

STAGES = ("partition", "select", "embed", "people", "cluster")  # before the rounds, in order
LAST = ("broaden", "audit")
ROUND = "round-"
PLAN = "plan"  # after select: what a build would look at; not asked for by name, but by --dry-run


@dataclass(frozen=True)
class StageEnd:
    """A stage that a build has come to the end of.

    Parameters
    ----------
    told : small JSON values, never a vector.
    rounds_over : it is a round, and no other follows it.
    generation : the finished one, at the end of the last stage.
    """

    stage: str
    told: dict[str, Any] = field(default_factory=dict)
    rounds_over: bool = False
    generation: Generation | None = None


@dataclass(frozen=True)
class Stop:
    """The stage after which a build stops."""

    stage: str

    @classmethod
    def parse(cls, text: str, rounds: int) -> Self:
        """One of the stages; `rounds` after round 0 are wanted.

        Raises
        ------
        SettingsError
            It is none of them.
        """
        if text not in (*STAGES, *(f"{ROUND}{number}" for number in range(rounds + 1)), *LAST):
            known = f"{', '.join(STAGES)}, {ROUND}0 to {ROUND}{rounds}, {' or '.join(LAST)}"
            raise SettingsError(f"--until {text}: choose {known}")
        return cls(text)

    def reached(self, end: StageEnd) -> bool:
        """Whether a build stops here; rounds that end before the one that is asked for are rounds enough."""
        return end.stage == self.stage or (end.rounds_over and self.stage.startswith(ROUND))
