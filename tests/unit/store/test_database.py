"""A start that finds the newest tables does not load Alembic."""

from __future__ import annotations

from alembic.config import Config
from alembic.script import ScriptDirectory

from aimis.store.database import MIGRATIONS, NEWEST


def test_newest_migration_is_the_one_that_a_start_looks_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]
