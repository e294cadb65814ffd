"""Health check: exit 0 if a URL answers with 200."""

from __future__ import annotations

import sys
from urllib.request import urlopen

PATIENCE_S = 8  # seconds


def main(url: str) -> int:
    """The exit code."""
    try:
        with urlopen(url, timeout=PATIENCE_S) as answer:  # noqa: S310 - what compose.yaml says
            return 0 if answer.status == 200 else 1
    except OSError as error:
        sys.stderr.write(f"{url}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
