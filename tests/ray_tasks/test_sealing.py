"""A password that is sealed is nowhere to be read, and only the same token opens it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiling.errors import SettingsError
from profiling.store.addresses import PASSWORD_VARIABLE
from ray_tasks.sealing import SEALED_VARIABLE, open_password, seal, unseal

TOKENS = st.text(min_size=1, max_size=80).filter(lambda text: text.isprintable())


@given(st.text(max_size=100), TOKENS, TOKENS)
def test_the_same_token_opens_it_and_no_other(secret: str, token: str, other: str) -> None:
    sealed = seal(secret, token)
    assert unseal(sealed, token) == secret
    assert len(secret) < 4 or secret not in sealed
    assert sealed != seal(secret, token), "equal passwords look different"
    if other != token:
        with pytest.raises(SettingsError, match="another token"):
            unseal(sealed, other)


def test_it_is_opened_where_stores_look_for_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t0ken\n")
    for known in ({"RAY_AUTH_TOKEN": "t0ken"}, {"RAY_AUTH_TOKEN_PATH": str(file)}):
        environment = {SEALED_VARIABLE: seal("swordfish", "t0ken"), **known}
        open_password(environment)
        assert environment == {PASSWORD_VARIABLE: "swordfish", **known}
    nothing = {"A": "b"}
    open_password(nothing)
    assert nothing == {"A": "b"}


def test_without_the_token_it_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="set RAY_AUTH_TOKEN or") as caught:
        open_password({SEALED_VARIABLE: seal("swordfish", "x"), "RAY_AUTH_TOKEN_PATH": str(tmp_path / "no")})
    assert "swordfish" not in str(caught.value)
    assert "\n" not in str(caught.value)
