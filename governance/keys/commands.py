"""``xinglin keys status`` and ``xinglin keys rotate``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from governance.contracts import load_catalogue
from governance.database import Role, connect, connection_string
from governance.errors import KeyringError
from governance.keys.index_rotation import rotate_indexes
from governance.keys.rotation import reencrypt
from governance.keys.status import key_status, report
from governance.keys.store import add_version, open_keyring, rewrap
from governance.settings import Settings


class Rotated(StrEnum):
    """What can be rotated. Tokens, row hashes and pseudonyms cannot: they are join keys that must stay."""

    KEK = "kek"
    FIELD = "field"
    QUARANTINE = "quarantine"
    BLIND_INDEX = "blind_index"


def register(app: typer.Typer) -> None:
    """Add the group ``keys``."""
    keys = typer.Typer(no_args_is_help=True, help="密钥 · Keys: what uses which, and new versions")

    @keys.command()
    def status() -> None:
        """密钥状态：版本、用途、次数；退出码 1 表示有未完成的轮换 · Versions and what needs them (1: unfinished)."""
        settings = Settings.from_environment()
        dsn = connection_string(Role.AUDIT, settings.state)
        with connect(dsn, autocommit=True, application="xinglin keys status") as connection:
            found = key_status(connection, load_catalogue(settings.contracts), settings.keyring)
        for line in report(found):
            typer.echo(line)
        if not found.settled:
            raise typer.Exit(1)

    @keys.command()
    def rotate(
        what: Annotated[Rotated, typer.Argument(help="kek | field | quarantine | blind_index")],
        resume: Annotated[
            bool, typer.Option("--resume", help="继续被中断的轮换 · No new version, finish what was interrupted")
        ] = False,
    ) -> None:
        """轮换密钥，读取不中断 · A new key; readers go on."""
        settings = Settings.from_environment()
        if what is Rotated.KEK:
            rewrap(settings.keyring)
            typer.echo("密钥加密密钥已更换 · the key-encryption key is new; no value was touched")
        elif what is Rotated.BLIND_INDEX:
            _rotate_indexes(settings, resume=resume)
        else:
            _rotate_values(settings, str(what), resume=resume)

    app.add_typer(keys, name="keys")


def _rotate_values(settings: Settings, purpose: str, *, resume: bool) -> None:
    dsn = connection_string(Role.ADMIN, settings.state)
    catalogue = load_catalogue(settings.contracts)
    with connect(dsn, autocommit=True, application=f"xinglin keys rotate {purpose}") as connection:
        if not resume:
            typer.echo(f"新版本 new version: {purpose} {add_version(settings.keyring, purpose)}")
        total = reencrypt(connection, catalogue, open_keyring(settings.keyring), purpose)
    typer.echo(f"重新加密 re-encrypted: {total:,}; 用 `xinglin keys status` 核对 · prove it with `xinglin keys status`")


def _rotate_indexes(settings: Settings, *, resume: bool) -> None:
    dsn = connection_string(Role.ADMIN, settings.state)
    if resume and len(open_keyring(settings.keyring).keys["blind_index"]) == 1:
        raise KeyringError("no rotation of blind_index was begun; leave out --resume to begin one")
    with connect(dsn, autocommit=True, application="xinglin keys rotate blind_index") as connection:
        catalogue = load_catalogue(settings.contracts)
        replaced = rotate_indexes(connection, catalogue, settings.keyring, resume=resume)
    for column, count in replaced.items():
        typer.echo(f"{column}: {count:,}")
