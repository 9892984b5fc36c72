"""The tables by migrations and by the short cut are the same, on both databases."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from stream.store import Store, StoreTooNew, schema, tables

Place = Callable[[], sa.Engine]

LATER = {"feedback", "drift", "bed_claims"}
"""Tables that migrations made."""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An engine on an empty database, another one at each call."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("schema")
        return lambda: sa.create_engine(f"sqlite:///{folder}/{len(list(folder.iterdir()))}.db")
    server = request.getfixturevalue("postgres")
    return lambda: sa.create_engine(server.place(), poolclass=sa.NullPool)


def migrated(engine: sa.Engine) -> sa.Engine:
    with engine.begin() as conn:
        schema.migrate(conn)
    return engine


def prepared(engine: sa.Engine) -> sa.Engine:
    with engine.begin() as conn:
        schema.prepare(conn)
    return engine


def index_of(index) -> str:
    where = [str(option) for option in index["dialect_options"].values()]
    return f"{index['name']} {index['column_names']} {index['unique']} {where}"


def layout(engine: sa.Engine) -> dict[str, object]:
    """Columns, keys and indexes of every table."""
    inspector = sa.inspect(engine)
    return {
        name: (
            [{k: str(v) for k, v in c.items()} for c in inspector.get_columns(name)],
            inspector.get_pk_constraint(name)["constrained_columns"],
            sorted(index_of(index) for index in inspector.get_indexes(name)),
            sorted(str(u["column_names"]) for u in inspector.get_unique_constraints(name)),
        )
        for name in inspector.get_table_names()
    }


def test_migrations_make_the_tables_of_the_program(place: Place):
    """Alembic's own comparison finds nothing to do after the last migration."""
    with migrated(place()).connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []


def test_the_short_cut_is_no_other_way(place: Place):
    """An empty store has the same tables, indexes and revision as a migrated one."""
    short, long = prepared(place()), migrated(place())
    assert layout(short) == layout(long)
    with short.connect() as one, long.connect() as other:
        assert schema.revision(one) == schema.revision(other) == tables.REVISION


def test_the_migrations_are_one_line_up_to_ours():
    """Each follows the one before; two of the same number would be two heads."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [tables.REVISION]
    numbers = [step.revision for step in script.walk_revisions()][::-1]
    assert numbers == [f"{n:04d}" for n in range(1, len(numbers) + 1)]


def test_a_store_from_before_migrations_is_adopted(place: Place):
    """It has a table with its version; what it holds stays."""
    engine = place()
    before = sa.Table("schema_version", sa.MetaData(), sa.Column("version", sa.Integer))
    old = [table for table in tables.metadata.sorted_tables if table.name not in LATER]
    with engine.begin() as conn:
        tables.metadata.create_all(conn, tables=old)
        before.create(conn)
        conn.execute(sa.insert(before).values(version=1))
        conn.execute(sa.insert(tables.owners).values(partition=0, epoch=7))
    prepared(engine)
    with engine.connect() as conn:
        assert schema.revision(conn) == tables.REVISION
        assert conn.execute(sa.select(tables.owners.c.epoch)).scalar_one() == 7
    assert not sa.inspect(engine).has_table("schema_version")


def test_a_newer_store_is_refused_and_left_alone(place: Place):
    """Tables of a later version are not touched."""
    engine = prepared(place())
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    before = layout(engine)
    with pytest.raises(StoreTooNew, match="revision 9999"):
        prepared(engine)
    assert layout(engine) == before


def test_many_may_start_at_once(postgres):
    """Eight processes meet an empty database: one makes the tables, nobody fails."""
    url = postgres.place()
    failures: list[Exception] = []

    def start() -> None:
        try:
            Store(url).close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_start_reads_no_migrations(tmp_path: Path):
    """Neither the first start nor a later one imports Alembic, which takes most of a second."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom stream.store import Store\n"
        "for _ in range(2): Store(Path(sys.argv[1])).close()\n"
        "assert not [name for name in sys.modules if name.startswith('alembic')]"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "store.db"], check=True)
