"""Print every route of the pages as JSON: methods, path, and the functions that must let a request through."""

from __future__ import annotations

import json
import sys
from inspect import isfunction
from typing import Any


def main() -> None:
    from fastapi.routing import APIRoute

    from dags.plugin.app import application

    found = [
        {"methods": sorted(route.methods), "path": route.path, "asks": sorted(_names(route.dependant))}
        for route in application().routes
        if isinstance(route, APIRoute)
    ]
    others = [str(route) for route in application().routes if not isinstance(route, APIRoute)]
    sys.stdout.write("\n" + json.dumps({"routes": found, "others": others}) + "\n")


def _names(dependant: Any) -> set[str]:
    names = {
        f"{each.call.__module__}.{each.call.__qualname__}" for each in dependant.dependencies if isfunction(each.call)
    }
    return names.union(*(_names(each) for each in dependant.dependencies))


if __name__ == "__main__":
    main()
