"""Passwords, keys and tokens of a deployment, made at random into a folder of files.

    python docker/make_secrets.py [FOLDER]

What is there stays: passwords live as long as the volumes of the servers that know them. The folder is open to its
owner only; the files in it may be read by whom a container runs as, and Compose hands each service just its own.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "secrets"
LOGINS = {"admin": "ADMIN", "viewer": "VIEWER"}  # users of Airflow, with their roles; compose.yaml names the same


def contents(folder: Path) -> dict[str, str]:
    """What each missing file shall hold."""
    known = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    postgres = known.get("postgres_password") or secrets.token_urlsafe(24)
    ray = known.get("ray_token") or secrets.token_hex(32)
    made = {
        "postgres_password": postgres,
        "sql_alchemy_conn": f"postgresql+psycopg2://airflow:{postgres}@postgres/airflow",
        "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "jwt_secret": secrets.token_urlsafe(48),
        "api_secret_key": secrets.token_urlsafe(48),
        "airflow_passwords": json.dumps({name: secrets.token_urlsafe(16) for name in LOGINS}),
        "ray_token": ray,
        "ray_connection": json.dumps({"conn_type": "ray", "host": "ray-head", "port": 8265, "password": ray}),
        "cassandra_password": secrets.token_urlsafe(24),
        "grafana_password": secrets.token_urlsafe(16),
    }
    return {name: text for name, text in made.items() if name not in known}


def main(folder: Path) -> None:
    """Write them, and say where they are."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = contents(folder)
    for name, text in made.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o444)
    sys.stdout.write(f"{folder}: {len(made)} secrets made\n")
    sys.stdout.write(
        f"Logins of Airflow: {folder}/airflow_passwords; Grafana's (user admin): {folder}/grafana_password\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
