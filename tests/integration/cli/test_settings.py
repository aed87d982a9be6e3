"""Settings: the environment over the file over the defaults, and what does not hold is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aimis.domain.errors import UsageError
from aimis.settings import Settings, load_settings, settings_file


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file in use; no setting of this machine is."""
    for name in [n for n in os.environ if n.startswith("AIMIS_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "settings.toml"
    path.write_text("")
    monkeypatch.setenv("AIMIS_SETTINGS", str(path))
    return path


def test_defaults_hold_when_nothing_is_set(file: Path) -> None:
    settings = load_settings()
    assert (settings.language, settings.operating_point, settings.jobs, settings.thresholds) == ("en", None, None, {})
    assert settings.limits.max_pixels == 150_000_000


def test_file_is_read_and_the_environment_wins_over_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(
        'language = "zh"\njobs = 3\nreaders = ["glaucoma"]\n[limits]\nmax_pixels = 20\n'
        '[thresholds.fundus-disease]\nglaucoma = 0.3\ncataract = "specific"\n'
    )
    monkeypatch.setenv("AIMIS_JOBS", "7")
    monkeypatch.setenv("AIMIS_LIMITS__MAX_FRAMES", "9")
    settings = load_settings()
    assert (settings.language, settings.jobs, settings.readers) == ("zh", 7, ("glaucoma",))
    assert (settings.limits.max_pixels, settings.limits.max_frames) == (20, 9)
    assert settings.thresholds == {"fundus-disease": {"glaucoma": 0.3, "cataract": "specific"}}


def test_lists_are_plain_text_in_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIS_READERS", "a, b")
    monkeypatch.setenv("AIMIS_READERS_PATH", os.pathsep.join(["/x", "/y z"]))
    settings = load_settings()
    assert settings.readers == ("a", "b")
    assert settings.readers_path == (Path("/x"), Path("/y z"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("langauge = 'zh'", "langauge"),
        ("language = 'fr'", "language"),
        ("jobs = 0", "jobs"),
        ("[limits]\nmax_pixels = -1", "limits.max_pixels"),
        ("operating_point = 'best'", "operating_point"),
        ("language = ", "is no TOML"),
    ],
)
def test_setting_that_does_not_hold_is_refused_by_name(file: Path, text: str, named: str) -> None:
    file.write_text(text)
    with pytest.raises(UsageError, match=named):
        load_settings()


def test_settings_file_that_is_named_but_not_there_is_refused(file: Path) -> None:
    file.unlink()
    with pytest.raises(UsageError, match="is not there"):
        load_settings()


def test_settings_file_that_is_not_utf8_is_refused(file: Path) -> None:
    file.write_bytes(b"language = '\xff'")
    with pytest.raises(UsageError):
        load_settings()


def test_environment_that_is_no_json_where_a_table_is_wanted_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMIS_THRESHOLDS", "glaucoma=0.3")
    with pytest.raises(UsageError, match="thresholds"):
        load_settings()


def test_settings_lie_in_the_configuration_folder_when_none_is_named(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIMIS_SETTINGS")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings_file() == tmp_path / "aimis" / "settings.toml"
    assert load_settings() == Settings()
