"""moto's S3 on a free port of loopback, which it says; with `forgetful` it ignores conditions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def forgetful(application: Application) -> Application:
    """A store that never heard of If-None-Match."""

    def answer(environment: dict[str, Any], start: Any) -> Iterable[bytes]:
        environment.pop("HTTP_IF_NONE_MATCH", None)
        return application(environment, start)

    return answer


if __name__ == "__main__":
    application = DomainDispatcherApplication(create_backend_app)
    # One request at a time: moto looks and then writes, which a real store does at once.
    served = forgetful(application) if "forgetful" in sys.argv else application
    server = make_server("127.0.0.1", 0, served, threaded=False)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
