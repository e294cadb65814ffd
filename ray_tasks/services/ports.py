"""Ports: whether one is taken, and free ones for what nobody needs to know."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import ExitStack

from ray_tasks.services.home import ServicesError

RAY_INNER = (  # options of `ray start`; what is not named here Ray would choose, and once in a while choose one twice
    "port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "runtime-env-agent-port",
    "ray-client-server-port",
    "node-manager-port",
    "object-manager-port",
)
RAY_METRICS_VARIABLES = ("AUTOSCALER_METRIC_PORT", "DASHBOARD_METRIC_PORT")  # of Ray's monitor and dashboard


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """A port of loopback for each name that nobody listens on now, none twice: all are held until the last is found."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in names]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in zip(names, sockets, strict=True)}


def require_free(host: str, ports: dict[str, int]) -> None:
    """Make sure that services can listen.

    Parameters
    ----------
    host : numeric address. ports : port by the option that chooses it, without its dashes.

    Raises
    ------
    ServicesError
        A port is taken, the host is no address of this machine, or two options name one port.
    """
    for option, port in ports.items():
        if list(ports.values()).count(port) > 1:
            raise ServicesError(f"port {port} is given to two services; change --{option}")
        with socket.socket(family(host)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                reason = error.strerror or str(error)
                raise ServicesError(
                    f"{host}:{port}: cannot be listened on ({reason}); free it or choose another with --{option}"
                ) from None


def require_ports(host: str, airflow_port: int, ray_port: int, metrics_port: int) -> None:
    """Make sure that what a person opens can be listened on: Airflow and Ray on the host, metrics on loopback.

    Raises
    ------
    ServicesError
        As `require_free`.
    """
    require_free(host, {"airflow-port": airflow_port, "ray-port": ray_port})
    require_free("127.0.0.1", {"metrics-port": metrics_port})


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address.

    Raises
    ------
    ServicesError
        It is no numeric address.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise ServicesError(f"--host {host}: is no address; give 127.0.0.1, 0.0.0.0 or one of this machine's") from None


def family(host: str) -> socket.AddressFamily:
    """IPv6 for an address with colons, IPv4 for others."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET
