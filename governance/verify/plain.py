"""Plain identifiers: hunted in every place in which the pipeline leaves bytes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import psycopg

from governance.backup import list_backups
from governance.keys.persons import PersonKeys
from governance.runtime.archiving import ArchiverFiles
from governance.verify.context import Context, has_table
from governance.verify.identifiers import Prey, Reach
from governance.verify.places import Columns, Read, file_bytes, files_below, table_bytes, text_columns
from governance.verify.restorability import scratch
from governance.verify.results import Check, Outcome, amount, figures
from governance.verify.sources import PERSON
from governance.verify.spellings import hunt_unpacked

# Zones that hold de-identified text, in which a surrogate may by chance be another patient's name.
_SURROGATES = ("deid", "held_back", "specialty", "research", "intermediate", "lineage", "open_data")


def server_files(context: Context) -> Outcome:
    """The server's own files, raw: tables and indexes of all databases, write-ahead log, temporary files."""
    folder = _data_folder(context)
    if folder is None:
        return Outcome("数据目录不在本机 the server's data directory is not on this machine", 0)
    received = ArchiverFiles(context.settings.state).spool
    return _hunt_files(context, files_below([folder, received], []), Reach.BINARY, folder)


def database(context: Context) -> Outcome:
    """What both databases give out: every text-like and byte column of every table, as uncompressed values."""
    prey = context.prey
    hunter = prey.hunter(Reach.TEXT | Reach.CELLS)
    surrogates = _surrogate_names(context, prey)
    read, found = Read(), Counter[str]()
    for name in (None, context.airflow_database):
        with context.connection(name) as connection:
            for columns in text_columns(connection):
                place = f"{connection.info.dbname}.{columns.schema}.{columns.table}"
                passed_over = surrogates if columns.schema in _SURROGATES else set()
                read.things += 1
                for hit in hunt_unpacked(hunter, table_bytes(connection, columns, read)):
                    if hit.needle.value not in passed_over:
                        found[f"{place}: {_name(prey, hit.needle.value)}"] += 1
    return _outcome(context, read, found, "表 tables", Reach.TEXT | Reach.CELLS)


def logs(context: Context) -> Outcome:
    """Everything else below the state folder: logs of servers and tasks, configuration, artefacts, temporary files."""
    settings = context.settings
    data = _data_folder(context)
    refused = [
        *(settings.deliveries, settings.backups, settings.keyring.parent, settings.audit_checkpoints),
        settings.state / "secrets.json",
        settings.state / "deliveries",
        ArchiverFiles(settings.state).spool,  # write-ahead log, searched with the server's files
        scratch(settings),  # a copy of the server's files, which are searched themselves
        *(file.parent for file in settings.state.glob("*/secrets.json")),  # states of their own, with their own keys
        *context.not_searched,
        *([context.canaries.parent] if context.canaries else []),
        *([data] if data else []),
    ]
    airflow = os.environ.get("AIRFLOW_HOME")  # on a server it lies elsewhere
    roots = [settings.state, *([Path(airflow)] if airflow and settings.state not in Path(airflow).parents else [])]
    return _hunt_files(context, files_below(roots, refused), Reach.TEXT, settings.state)


def key_store(context: Context) -> Outcome:
    """The folders of the keyring, of the persons' keys with their backups, and of the audit checkpoints."""
    settings = context.settings
    persons = PersonKeys.place(settings.keyring)
    folders = {settings.keyring.parent, settings.audit_checkpoints}
    folders |= {persons} if persons.parent == settings.state else {persons.parent}
    present = sorted(folder for folder in folders if folder.exists())
    return _hunt_files(context, files_below(present, []), Reach.TEXT, settings.state)


def artefacts(context: Context) -> Outcome:
    """What dbt leaves of its runs: compiled SQL, manifests, run results, logs."""
    project = context.settings.dbt_project
    folders = [context.settings.state / "dbt", project / "target", project / "logs", context.settings.project / "logs"]
    return _hunt_files(context, files_below(folders, []), Reach.TEXT, context.settings.project)


def backups(context: Context) -> Outcome:
    """The files of every backup, raw."""
    folder = context.settings.backups
    records, _ = list_backups(folder)
    if not records:
        return Outcome("尚无备份 no backup yet", 0)
    return _hunt_files(context, files_below([folder], []), Reach.BINARY, folder)


def notes(context: Context) -> Outcome:
    """De-identified texts: no patient's own identifier in his or her own text, names of three characters included."""
    prey = context.prey
    owned = prey.by_owner(Reach.TEXT)
    rows = own = 0
    findings = []
    with context.connection() as connection:
        if not has_table(connection, "deid", "free_text") or not has_table(connection, "base", "person_link"):
            return Outcome("尚无脱敏文本 no de-identified text yet", 0)
        for row_id, field, text, patients in _texts(connection):
            rows += 1
            kinds = _own_identifiers(text, patients, prey, owned)
            own += len(kinds)
            findings += [f"deid.free_text row {row_id}, {field}: {kind}" for kind in kinds]
    known = sum(bool(owners) for owners in prey.owners)
    said = figures(
        [amount(rows, "段文本", "texts"), amount(known, "个本人标识", "own identifiers"), f"命中 found {own}"]
    )
    return Outcome(said, rows if known else 0, tuple(findings))


def _texts(connection: psycopg.Connection) -> Iterator[tuple[int, str, str, list[str]]]:
    query = """
        select f.row_id, f.field, f.text, array_agg(replace(l.patient_key::text, '-', ''))
        from deid.free_text as f
        inner join base.person_link as l on l.person_key = f.person_key
        where f.text is not null
        group by f.row_id, f.field, f.text"""
    with connection.transaction(), connection.cursor("texts") as cursor:
        cursor.execute(query)
        yield from cursor


def _own_identifiers(text: str, patients: Iterable[str], prey: Prey, owned: dict[str, list[int]]) -> list[str]:
    positions = {position for patient in patients for position in owned.get(patient, ())}
    return sorted(prey.values[position].kind for position in positions if prey.values[position].value in text)


def _surrogate_names(context: Context, prey: Prey) -> set[int]:
    """Names that stand in de-identified texts; whether in the person's own is what ``plain.notes`` answers."""
    with context.connection() as connection:
        if not has_table(connection, "deid", "free_text"):
            return set()
        columns = Columns("deid", "free_text", ("text",), ())
        hits = prey.hunter(Reach.TEXT | Reach.CELLS).hunt(table_bytes(connection, columns, Read()))
        found = {hit.needle.value for hit in hits}
    return {at for at in found if prey.values[at].kind == PERSON and not prey.values[at].canary}


def _hunt_files(context: Context, paths: Iterator[Path], place: Reach, root: Path) -> Outcome:
    prey = context.prey
    hunter = prey.hunter(place)
    read, found = Read(), Counter[str]()
    for path in paths:
        for hit in hunt_unpacked(hunter, file_bytes(path, read)):
            shown = path.relative_to(root) if path.is_relative_to(root) else path
            found[f"{shown}: {_name(prey, hit.needle.value)}"] += 1
    return _outcome(context, read, found, "个文件 files", place)


def _outcome(context: Context, read: Read, found: Counter[str], things: str, place: Reach) -> Outcome:
    hunted = context.prey.hunted(place).total()
    parts = [
        f"{read.things:,} {things}",
        f"{read.bytes / 1_000_000:,.0f} MB",
        f"搜索 hunted {hunted:,}",
        f"此处无法区分而未搜索 cannot be told apart here {len(context.prey.values) - hunted:,}",
        f"命中 found {found.total():,}",
    ]
    findings = [f"{place_and_kind} × {count}" for place_and_kind, count in found.most_common()]
    findings += [f"无法读取 cannot be read: {path}" for path in read.unreadable]
    return Outcome(figures(parts), read.bytes if hunted else 0, tuple(findings))


def _name(prey: Prey, position: int) -> str:
    identifier = prey.values[position]
    return f"canary {identifier.kind}" if identifier.canary else identifier.kind


def _data_folder(context: Context) -> Path | None:
    """The server's data directory, if the server says where it is and it lies on this machine."""
    with context.connection() as connection:
        row = connection.execute("select setting from pg_settings where name = 'data_directory'").fetchone()
    folder = Path(row[0]) if row and row[0] else None
    return folder if folder is not None and (folder / "PG_VERSION").is_file() else None


def hunted_kinds(context: Context) -> Outcome:
    """What is hunted and what is not, and why: the ground on which the other checks of this family stand."""
    prey = context.prey
    hunted, in_text, in_files = (prey.hunted(place) for place in (Reach.EVERYWHERE, Reach.TEXT, Reach.BINARY))
    parts = [amount(len(prey.values), "个标识", "distinct identifiers"), f"搜索 hunted {hunted.total():,}"]
    for kind, count in sorted(hunted.items()):
        less = "" if count == in_files[kind] else f" (文本 in text {in_text[kind]:,}，文件 in files {in_files[kind]:,})"
        parts.append(f"{kind} {count:,}{less}")
    parts += [
        f"未搜索 not hunted: {kind} {reason} {count:,}" for (kind, reason), count in sorted(prey.excluded.items())
    ]
    return Outcome(figures(parts), hunted.total())


CHECKS = (
    Check("plain.identifiers", "待搜索的直接标识 identifiers to hunt", hunted_kinds),
    Check("plain.server_files", "数据库文件无明文 nothing plain in the server's files", server_files),
    Check("plain.database", "库表无明文 nothing plain in the databases", database),
    Check("plain.notes", "脱敏文本不含本人标识 no note names its patient", notes),
    Check("plain.logs", "日志与本地状态无明文 nothing plain in logs and local state", logs),
    Check("plain.key_store", "密钥库无明文 nothing plain in the key store", key_store),
    Check("plain.artefacts", "dbt 产物无明文 nothing plain in dbt's artefacts", artefacts),
    Check("plain.backups", "备份无明文 nothing plain in the backups", backups),
)
