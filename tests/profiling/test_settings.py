"""Settings: defaults stand, changes win, nonsense is one line that names the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiling.errors import SettingsError
from profiling.settings import Settings, load_settings


def test_without_anything_the_defaults_stand() -> None:
    assert load_settings() == Settings()


def test_changes_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "kith.toml"
    path.write_text("[clustering]\neps = 0.1\nmin_samples = 3\n")
    settings = load_settings(path, {"clustering.eps": "0.2", "embedding.model": "dlib"})
    assert (settings.clustering.eps, settings.clustering.min_samples) == (0.2, 3)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"clustering.eps": "-1"}, r"clustering\.eps"),
        ({"clustering.epps": "1"}, r"clustering\.epps"),
        ({"cluster.eps": "1"}, "cluster"),
        ({"scoring.rounds": "many"}, r"scoring\.rounds"),
        ({"eps": "1"}, "section.name"),
        ({"detection.thresholds": "[0.1, 0.2]"}, r"detection\.thresholds"),
    ],
)
def test_nonsense_names_the_setting(changes: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named) as caught:
        load_settings(None, changes)
    assert "\n" not in str(caught.value)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[clustering\n")
    with pytest.raises(SettingsError, match=r"a\.toml"):
        load_settings(tmp_path / "a.toml")
    with pytest.raises(SettingsError, match=r"b\.toml"):
        load_settings(tmp_path / "b.toml")
