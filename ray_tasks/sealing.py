"""A store's password on its way from Airflow's connection to a Ray job, sealed with the cluster's own token.

A job's environment is kept by Ray in logs, files and on its dashboard; what stands there can be opened only with the
token that both ends have anyway. The opened password stays in the job's own process.
"""

from __future__ import annotations

import base64
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

from profiling.errors import SettingsError
from profiling.store.addresses import PASSWORD_VARIABLE

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

SEALED_VARIABLE = "KITH_SEALED_PASSWORD"
TOKEN_VARIABLE, TOKEN_FILE_VARIABLE = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"  # where Ray looks
TOKEN_FILE = Path(".ray") / "auth_token"  # in the home folder; where Ray looks last
PURPOSE = b"kith store password"


def seal(secret: str, token: str) -> str:
    """A secret as text that only `unseal` with the same token can read."""
    return _cipher(token).encrypt(secret.encode()).decode()


def unseal(sealed: str, token: str) -> str:
    """The inverse of `seal`.

    Raises
    ------
    SettingsError
        It was sealed with another token.
    """
    from cryptography.fernet import InvalidToken

    try:
        return _cipher(token).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise SettingsError(
            "the store's password was sealed with another token than this cluster's; give Airflow's Ray connection the "
            "token of the cluster"
        ) from None


def open_password(environment: MutableMapping[str, str]) -> None:
    """Put a sealed password where stores look for it, in this process alone.

    Raises
    ------
    SettingsError
        The token is not known here, or is another one.
    """
    sealed = environment.pop(SEALED_VARIABLE, "")
    if not sealed:
        return
    token = _token(environment)
    if not token:
        raise SettingsError(
            "the store's password is sealed with the cluster's token, which this job does not have; "
            f"set {TOKEN_VARIABLE} or {TOKEN_FILE_VARIABLE} on the nodes"
        )
    environment[PASSWORD_VARIABLE] = unseal(sealed, token)


def _token(environment: MutableMapping[str, str]) -> str:
    if environment.get(TOKEN_VARIABLE):
        return environment[TOKEN_VARIABLE]
    path = Path(environment.get(TOKEN_FILE_VARIABLE) or Path(os.path.expanduser("~")) / TOKEN_FILE)
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _cipher(token: str) -> Fernet:
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(token.encode())
    return Fernet(base64.urlsafe_b64encode(key))
