"""The collect stage: all new files of one source, in order, with a tally, a record and lineage events.

A file that cannot be read, or a malformed contract, fails this source and no other; the files before it stay loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import psycopg

from governance.collection.loading import FileLoader, Tally
from governance.collection.reading import find_files
from governance.collection.records import DeliveredFile
from governance.contracts import Contract, load_catalogue
from governance.database import connect
from governance.errors import CollectionError, ContractError
from governance.keys import open_keyring
from governance.settings import Settings

SOURCE_LOCK = 7_211
Progress = Callable[[DeliveredFile, Tally], None]
_LOG = logging.getLogger(__name__)


def log_progress(file: DeliveredFile, tally: Tally) -> None:
    """Say what a file brought, on the log."""
    counts = (tally.rows_in, tally.accepted, tally.quarantined, tally.withdrawn)
    _LOG.info("%s: %d rows, %d accepted, %d quarantined, %d withdrawn", file.name, *counts)


def sources(settings: Settings) -> list[str]:
    """Sources that have a contract folder, sound or not: each gets its own task, so that one may fail alone."""
    return sorted(path.name for path in settings.contracts.iterdir() if any(path.glob("*.odcs.yaml")))


def sources_with_news(dsn: str, settings: Settings) -> list[str]:
    """Sources with a file that is not loaded as it stands, and sources that would fail: those need a task.

    Args:
        dsn: connection string of the role ``collect``.
    """
    catalogue, keyring = load_catalogue(settings.contracts), open_keyring(settings.keyring)

    def has_news(connection: psycopg.Connection, source: str) -> bool:
        loaders = {c.id: FileLoader(connection, c, keyring, settings, "") for c in catalogue.of_source(source)}
        files = find_files(catalogue, source, settings.deliveries)
        try:
            return any(not loaders[file.contract.id].knows(file) for file in files)
        except CollectionError:
            return True  # the source's own task says what is wrong with which file

    with connect(dsn, autocommit=True, application="xinglin collect") as connection:
        return [s for s in sources(settings) if s not in catalogue.sources or has_news(connection, s)]


def collect_source(
    source: str, dsn: str, settings: Settings, run_id: str, progress: Progress = lambda _file, _tally: None
) -> Tally:
    """Collect all new files of one source.

    Args:
        dsn: connection string of the role ``collect``.
        run_id: the run that writes.
        progress: called after each file that brought something.

    Returns:
        The tally of what was new; all zeros when nothing was.

    Raises:
        ContractError: a contract of this source is malformed; nothing was read.
        CollectionError: at least one file was refused; every other file was loaded. Names the files.
    """
    catalogue = load_catalogue(settings.contracts, source)
    if source in catalogue.failures:
        raise ContractError(
            f"source '{source}' is not collected until its contracts are mended: "
            + " | ".join(catalogue.failures[source])
        )
    if source not in catalogue.sources:
        others = ", ".join(load_catalogue(settings.contracts).sources)
        raise ContractError(f"source '{source}' has no contracts; those that have: {others}")
    total = Tally()
    refused: list[str] = []
    accepted: dict[str, int] = {}
    with connect(dsn, autocommit=True, application=f"xinglin collect {source}") as connection:
        connection.execute("select pg_advisory_lock(%s, hashtext(%s))", (SOURCE_LOCK, source))
        keyring = open_keyring(settings.keyring)  # under the lock: a rotation of the index key has ended
        loaders: dict[str, FileLoader] = {}
        for file in find_files(catalogue, source, settings.deliveries):
            loader = loaders.setdefault(
                file.contract.id, FileLoader(connection, file.contract, keyring, settings, run_id)
            )
            try:
                tally = loader.load(file)
            except CollectionError as error:
                refused.append(str(error))
                continue
            if tally.files:
                total.add(tally)
                relation = file.contract.relation
                accepted[relation] = accepted.get(relation, 0) + tally.accepted
                progress(file, tally)
        if accepted:
            _emit_lineage(
                connection, [c for c in catalogue.of_source(source) if c.relation in accepted], run_id, accepted
            )
    if refused:
        raise CollectionError(
            f"source '{source}': {len(refused)} file(s) refused, {total.files} loaded. " + " | ".join(refused)
        )
    return total


def _emit_lineage(
    connection: psycopg.Connection, contracts: list[Contract], run_id: str, accepted: dict[str, int]
) -> None:
    """Events of the tables that got something."""
    from governance.lineage.collect import collection_events  # noqa: PLC0415  its client takes a fifth of the start
    from governance.lineage.store import LineageStore  # noqa: PLC0415

    store = LineageStore(connection)
    for contract in contracts:
        store.emit(collection_events(contract, run_id, accepted[contract.relation]))
