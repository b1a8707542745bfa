"""The parsed dbt project: parsed once (at set-up, else by the first run) and taken by every run while its files stand.

dbt's own partial parsing begins anew when the server's address changes, and compares every file on each start. Here one
digest over the project's files decides, and the manifest is handed to dbt's runner (a documented use of ``dbtRunner``).
What was parsed for one database is taken for another as well, with its name in the place of the first one's.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from governance.errors import TransformationError
from governance.settings import PROJECT

_DATABASE = "warehouse"  # where profiles.yml is not told another
_PARSED, _DIGEST = "partial_parse.msgpack", "parsed.sha256"  # the first is dbt's own file
_NOT_PARSED = {"target", "logs"}


def parsed_project(project: Path, target: Path) -> Any:
    """The project's manifest: from ``target``, from the parse that set-up left in the project, or parsed now.

    Args:
        project: folder of dbt_project.yml and profiles.yml.
        target: folder for what is parsed now; the environment that profiles.yml reads must be set.

    Raises:
        TransformationError: the project cannot be parsed; dbt's message names the file.
    """
    wanted = _digest(project)
    for folder in (target, project / "target"):
        manifest = _held(folder, wanted)
        if manifest is not None:
            return _moved(manifest, os.environ.get("XINGLIN_PG_DATABASE", _DATABASE))
    return parse(project, target)


def parse(project: Path, target: Path) -> Any:
    """Parse the project and keep the result in ``target``.

    Raises:
        TransformationError: the project cannot be parsed; dbt's message names the file.
    """
    from dbt.cli.main import dbtRunner  # noqa: PLC0415  slow to import

    wanted = _digest(project)
    target.mkdir(parents=True, exist_ok=True)
    (target / _DIGEST).unlink(missing_ok=True)
    arguments = ["parse", "--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(target)]
    result = dbtRunner().invoke([*arguments, "--log-path", str(target / "logs"), "--quiet", "--no-use-colors"])
    if not result.success:
        raise TransformationError(f"the dbt project cannot be parsed: {result.exception}")
    (target / _DIGEST).write_text(wanted, "ascii")
    return result.result


def _held(folder: Path, wanted: str) -> Any:
    """The manifest that a folder holds of this very project, else None."""
    try:
        if (folder / _DIGEST).read_text("ascii") != wanted:
            return None
        packed = (folder / _PARSED).read_bytes()
    except OSError:
        return None
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415
    from dbt.parser.manifest import extended_mashumuro_decoder  # noqa: PLC0415

    return Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)


def _moved(manifest: Any, database: str) -> Any:
    """The manifest for another database: the only thing in it that comes from the environment."""
    for node in (*manifest.nodes.values(), *manifest.sources.values()):
        if node.relation_name:
            node.relation_name = node.relation_name.replace(f'"{node.database}".', f'"{database}".', 1)
        node.database = database
    return manifest


def _digest(project: Path) -> str:
    """Digest of what parsing reads: dbt's version and the project's files."""
    from dbt.version import __version__  # noqa: PLC0415

    digest = hashlib.sha256(f"{__version__}\0".encode())
    for path in _files(project):
        digest.update(path.relative_to(project).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _files(project: Path) -> Iterator[Path]:
    for path in sorted(project.rglob("*")):
        if path.is_file() and path.relative_to(project).parts[0] not in _NOT_PARSED and not path.name.startswith("."):
            yield path


if __name__ == "__main__":  # at set-up
    parse(PROJECT / "dbt_project", PROJECT / "dbt_project" / "target")
