"""Renew the outputs of `kith plan` in docs/scale.md; a test refuses a page that shows others.

python benchmarks/write_scale.py
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from typer.testing import CliRunner

from ray_tasks.cli import app

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"


def printed(arguments: str) -> str:
    """What the command prints, without its assumptions."""
    lines = CliRunner().invoke(app, ["plan", *shlex.split(arguments)]).stdout.splitlines()
    return "\n".join(line.rstrip() for line in lines).partition("\n\nassumptions")[0].strip()


def main() -> None:
    """Run each command that the page shows again."""
    text = PAGE.read_text()
    block = re.compile(r"(```\n\$ kith plan ?)(.*)\n[^`]*(```)")
    PAGE.write_text(block.sub(lambda found: f"{found[1]}{found[2]}\n{printed(found[2])}\n{found[3]}", text))


if __name__ == "__main__":
    main()
