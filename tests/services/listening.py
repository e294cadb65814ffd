"""Who listens where among the processes of `kith up`, and everything that can be asked of Ray's and Airflow's ports."""

from __future__ import annotations

import ipaddress
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
import yaml

from ray_tasks.services import family
from tests.services.conftest import Stack

HANDLER = re.compile(r"routes\.get\(\s*[\"']([^\"']+)[\"']")
PLACEHOLDER = re.compile(r"\{[^}]*\}")
# In a process of its own: Ray reads once a process whether it asks for a token.
METHODS = """
import importlib, json, pkgutil, ray.core.generated as made
names = [each.name for each in pkgutil.iter_modules(made.__path__) if each.name.endswith("_pb2")]
modules = [importlib.import_module(f"ray.core.generated.{name}") for name in names]
services = [service for each in modules for service in each.DESCRIPTOR.services_by_name.values()]
print(json.dumps([f"/{service.full_name}/{method.name}" for service in services for method in service.methods]))
"""
HEALTH_METHODS = ("/grpc.health.v1.Health/Check", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")


@dataclass(frozen=True)
class Listener:
    """A listening TCP port: `owner` is the words of its process's command line."""

    address: str
    port: int
    owner: str

    @property
    def is_loopback(self) -> bool:
        """Whether nobody reaches it from elsewhere."""
        found = ipaddress.ip_address(self.address)
        mapped = getattr(found, "ipv4_mapped", None)
        return (mapped or found).is_loopback


def listeners(stack: Stack) -> list[Listener]:
    """Every listening port of every process."""
    found = set()
    for process in family.family(stack.home):
        try:
            owner = " ".join(process.cmdline()).strip()
            ports = [each.laddr for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
        except psutil.Error:
            continue
        found |= {Listener(address.ip, address.port, owner) for address in ports}
    return sorted(found, key=lambda each: each.port)


def airflow_paths() -> Iterator[str]:
    """Every GET of Airflow's public and private interface, with a word in place of each parameter."""
    folder = package("airflow") / "api_fastapi" / "core_api" / "openapi"
    for name in ("v2-rest-api-generated.yaml", "_private_ui.yaml"):
        for path, methods in yaml.safe_load((folder / name).read_text())["paths"].items():
            if "get" in methods:
                yield PLACEHOLDER.sub("rebuild_profiles", path)


def ray_paths() -> list[str]:
    """Every GET that Ray's dashboard and agents know, with a word in place of each parameter."""
    files = (package("ray") / "dashboard").rglob("*.py")
    found = {path for file in files for path in HANDLER.findall(file.read_text(encoding="utf-8"))}
    return sorted(PLACEHOLDER.sub("1", path) for path in found)


def ray_methods() -> list[str]:
    """Every gRPC method that Ray's own descriptions name, and gRPC's own two."""
    done = subprocess.run([sys.executable, "-c", METHODS], capture_output=True, text=True, check=True)
    return sorted({*json.loads(done.stdout.splitlines()[-1]), *HEALTH_METHODS})


def package(name: str) -> Path:
    """Where a package lies; it is not imported."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))
