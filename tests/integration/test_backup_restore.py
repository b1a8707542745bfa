"""Backup and restore on a real server: what comes back, what is refused, and that nothing half-done is left."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import psycopg
import pyrage
import pytest
from typer.testing import CliRunner

from governance.backup import BackupKeys, BackupRecord, back_up, find_backup, list_backups, restore
from governance.backup.comparing import compare
from governance.backup.contents import TableContent, mark_changed, snapshot, table_contents
from governance.backup.manifest import MANIFEST
from governance.backup.scratch import remove_restored
from governance.cli import app
from governance.errors import BackupError
from governance.keys import open_keyring
from governance.runtime.postgres import THROW_AWAY, PostgresServer
from governance.runtime.provision import provision
from governance.settings import Settings

pytestmark = pytest.mark.integration
CANARY = "16999988776"


class Cluster:
    """A provisioned scratch server with a little content."""

    def __init__(self, state: Path) -> None:
        self.settings = Settings.from_environment({"XINGLIN_STATE": str(state)})
        self.server = PostgresServer(state / "postgres", superuser_password="p" * 24, settings=THROW_AWAY)
        self.server.initialise()
        self.server.start()
        self.secrets = provision(self.server, self.settings)
        self.keys = BackupKeys.of(open_keyring(self.settings.keyring))

    @property
    def backup_dsn(self) -> str:
        return self.secrets["dsn_backup"]

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.server.superuser_dsn("warehouse"), autocommit=True)

    def back_up(self) -> BackupRecord:
        return back_up(self.settings, self.backup_dsn, self.keys, "test")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster") / "state")
    try:
        with made.connect() as connection:
            connection.execute("create schema sample")
            connection.execute(
                "create table sample.lab as select i as id, md5(i::text)::uuid as key, i * 0.1 as value,"
                " now() + i * interval '1 s' as at, repeat(md5(i::text), 30) as long,"
                " decode(md5(i::text), 'hex') as raw"
                " from generate_series(1, 20000) as i"
            )
            connection.execute("create table sample.secret as select %s::text as mobile", (CANARY,))
            connection.execute("create table sample.empty (id integer)")
            connection.execute("create materialized view sample.summary as select count(*) from sample.lab")
        yield made
    finally:
        made.server.destroy()


@pytest.fixture(scope="module")
def record(cluster: Cluster) -> BackupRecord:
    return cluster.back_up()


def test_a_backup_restores_with_every_table_equal(cluster: Cluster, record: BackupRecord, tmp_path: Path) -> None:
    restored = restore(record, tmp_path / "copy", cluster.keys)
    assert restored.comparison.holds
    assert not restored.comparison.rewritten
    assert {"sample.lab", "sample.empty", "sample.summary", "governance.batch"} <= set(restored.comparison.equal)
    assert len(restored.comparison.equal) == record.manifest.comparable == len(record.manifest.tables)
    remove_restored(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_the_backup_is_recorded_in_the_warehouse(cluster: Cluster, record: BackupRecord) -> None:
    with cluster.connect() as connection:
        row = connection.execute(
            "select sha256, bytes, rows ->> 'sample.lab', hashes ->> 'sample.lab'"
            " from governance.backup where backup_id = %s",
            (record.manifest.backup_id,),
        ).fetchone()
    expected = record.manifest.tables["sample.lab"]
    size = sum(file.stat().st_size for file in record.files.values())
    assert row == (record.digest, size, "20000", expected.hash)


def test_nothing_is_plain_in_the_backup_and_its_files_are_private(cluster: Cluster, record: BackupRecord) -> None:
    assert set(record.files) == {"base", "backup_manifest"}
    for file in record.files.values():
        content = file.read_bytes()
        assert content.startswith(b"age-encryption.org/v1")
        assert CANARY.encode() not in content + (record.folder / MANIFEST).read_bytes()
    assert {path.stat().st_mode & 0o077 for path in [record.folder, *record.folder.iterdir()]} == {0}


def test_a_full_backup_needs_no_private_key(cluster: Cluster) -> None:
    public = BackupKeys(cluster.keys.recipients, cluster.keys.signer)
    made = back_up(cluster.settings, cluster.backup_dsn, public, "test")
    assert made.manifest.comparable > 0
    with pytest.raises(BackupError, match="identity"):
        restore(made, cluster.settings.state / "never", public)


def test_a_row_changed_after_the_restore_is_found(cluster: Cluster, record: BackupRecord, tmp_path: Path) -> None:
    restored = restore(record, tmp_path / "copy", cluster.keys, keep=True)
    try:
        assert compare(restored.dsn(), record.manifest).holds
        with psycopg.connect(restored.dsn(), autocommit=True) as connection:
            connection.execute("update sample.lab set value = value + 1 where id = 7")
            connection.execute("delete from governance.contract where ctid = '(0,1)'")
        differences = compare(restored.dsn(), record.manifest).differences
        assert [difference.split(":")[0] for difference in differences] == ["governance.contract", "sample.lab"]
    finally:
        remove_restored(tmp_path / "copy")


def test_a_kept_copy_archives_nowhere_and_has_a_password_of_its_own(
    cluster: Cluster, record: BackupRecord, tmp_path: Path
) -> None:
    restored = restore(record, tmp_path / "copy", cluster.keys, keep=True)
    try:
        with psycopg.connect(restored.dsn()) as connection:
            archive = connection.execute("show archive_mode").fetchone()
            address = connection.execute("show listen_addresses").fetchone()
        assert (archive, address) == (("off",), ("127.0.0.1",))
        assert restored.service_file.stat().st_mode & 0o077 == 0
        assert "p" * 24 not in restored.service_file.read_text()
    finally:
        remove_restored(tmp_path / "copy")


def test_a_table_written_to_during_the_backup_is_marked_and_its_older_rows_are_compared(cluster: Cluster) -> None:
    with cluster.connect() as connection:
        connection.execute("create table sample.grows as select i from generate_series(1, 100) as i")
        connection.execute("create table sample.rewritten as select i from generate_series(1, 100) as i")
        connection.execute("create table sample.shrinks as select i from generate_series(1, 100) as i")
        try:
            with snapshot(cluster.backup_dsn) as (reader, taken):
                contents = table_contents(reader, taken)
                connection.execute("insert into sample.grows values (101)")
                connection.execute("update sample.rewritten set i = i + 1 where i = 5")
                connection.execute("delete from sample.shrinks where i = 5")
                connection.execute("create table sample.new (i integer)")
                marked = mark_changed(cluster.backup_dsn, contents, taken)
            assert {name for name, table in marked.items() if table.changed} == {
                f"sample.{name}" for name in ("grows", "rewritten", "shrinks", "new")
            }
            manifest = find_backup(cluster.settings.backups).manifest.model_copy(
                update={"tables": marked, "snapshot": taken}
            )
            result = compare(cluster.backup_dsn, manifest)
            assert result.holds
            assert set(result.settled) == {"sample.grows", "sample.new"}
            assert set(result.rewritten) == {"sample.rewritten", "sample.shrinks"}
        finally:
            connection.execute("drop table sample.grows, sample.rewritten, sample.shrinks, sample.new")


def test_rows_are_hashed_by_their_values_and_by_their_text_where_a_type_has_no_hash(cluster: Cluster) -> None:
    def figures(like: Mapping[str, TableContent] | None = None) -> dict[str, TableContent]:
        with snapshot(cluster.backup_dsn) as (reader, taken):
            return table_contents(reader, taken, like=like)

    with cluster.connect() as connection:
        connection.execute("create table sample.plain (id integer, at timestamptz, words text[])")
        connection.execute("create table sample.document (id integer, content json)")
        try:
            empty = figures()
            connection.execute("insert into sample.plain values (1, now(), '{a,b}'), (2, null, null)")
            connection.execute("insert into sample.document values (1, '{}'), (2, null)")
            before = figures()
            connection.execute("update sample.plain set words = '{a,c}' where id = 1")
            connection.execute("update sample.document set content = '[]' where id = 1")
            after = figures()
            for table, mark in (("sample.plain", "v"), ("sample.document", "")):
                assert [held[table].hash.startswith("v") for held in (empty, before, after)] == [bool(mark)] * 3
                assert len({held[table].hash for held in (empty, before, after)}) == 3
            of_text = {"sample.plain": before["sample.plain"].model_copy(update={"hash": "12"})}
            assert not figures(of_text)["sample.plain"].hash.startswith("v")
        finally:
            connection.execute("drop table sample.plain, sample.document")


@pytest.mark.parametrize("fault", ["bit flip", "truncation", "wrong key", "no manifest", "altered manifest", "no file"])
def test_a_faulty_backup_is_refused_and_leaves_the_folder_clean(cluster: Cluster, tmp_path: Path, fault: str) -> None:
    made = cluster.back_up()
    keys = cluster.keys
    if fault == "bit flip":
        with made.files["base"].open("r+b") as file:
            file.seek(made.files["base"].stat().st_size // 2)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))
    elif fault == "truncation":
        os.truncate(made.files["base"], made.files["base"].stat().st_size - 1_000)
    elif fault == "wrong key":
        keys = replace(keys, identity=str(pyrage.x25519.Identity.generate()))
    elif fault == "no manifest":
        (made.folder / MANIFEST).unlink()
    elif fault == "altered manifest":
        text = (made.folder / MANIFEST).read_text()
        (made.folder / MANIFEST).write_text(text.replace('"rows": 20000', '"rows": 19999'))
    else:
        made.files["base"].unlink()
    for existing in (False, True):
        to = tmp_path / str(existing)
        if existing:
            to.mkdir()
        with pytest.raises(BackupError):
            restore(find_backup(cluster.settings.backups, made.manifest.backup_id, keys.checker), to, keys)
        assert to.exists() is existing
        assert not existing or not list(to.iterdir())
    if made.folder.exists():
        for file in made.folder.iterdir():
            file.unlink()
        made.folder.rmdir()


def test_a_folder_that_holds_anything_is_refused_and_kept(
    cluster: Cluster, record: BackupRecord, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(BackupError, match="not empty"):
        restore(record, tmp_path, cluster.keys)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_a_role_without_the_right_to_replicate_leaves_no_backup(cluster: Cluster) -> None:
    before = list_backups(cluster.settings.backups)
    with pytest.raises(BackupError, match="base backup"):
        back_up(cluster.settings, cluster.secrets["dsn_audit"], cluster.keys, "test")
    assert list_backups(cluster.settings.backups) == before


def test_a_corrupt_page_fails_the_backup(cluster: Cluster) -> None:
    with cluster.connect() as connection:
        connection.execute("create table sample.corrupt as select repeat('x', 500) as x from generate_series(1, 200)")
        connection.execute("checkpoint")
        row = connection.execute("select pg_relation_filepath('sample.corrupt')").fetchone()
        assert row
        page = cluster.server.data_dir.resolve() / row[0]
        whole = page.read_bytes()
        try:
            with page.open("r+b") as file:
                file.seek(8192 + 4000)
                file.write(b"?!")
            with pytest.raises(BackupError, match="checksum"):
                cluster.back_up()
        finally:
            with page.open("r+b") as file:
                file.write(whole)
            connection.execute("drop table sample.corrupt")


def test_the_commands_back_up_list_restore_and_remove(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINGLIN_STATE", str(cluster.settings.state))
    monkeypatch.setenv("XINGLIN_DSN_BACKUP", cluster.backup_dsn)
    run = CliRunner()
    made = run.invoke(app, ["backup"])
    assert made.exit_code == 0, made.output
    newest = find_backup(cluster.settings.backups).manifest.backup_id
    assert newest in made.output
    assert newest in run.invoke(app, ["backups"]).output
    to = str(tmp_path / "copy")
    restored = run.invoke(app, ["restore", "--to", to, "--keep"])
    assert restored.exit_code == 0, restored.output
    assert "一致 equal" in restored.output
    again = run.invoke(app, ["restore", "--to", to])
    assert again.exit_code == 1
    assert "not empty" in again.output
    assert run.invoke(app, ["restore", "--to", to, "--remove"]).exit_code == 0
    assert not Path(to).exists()
    assert run.invoke(app, ["restore", "--to", to, "--backup", "20260101T000000Z-00000000"]).exit_code == 1
