"""Write the dbt models of all research projects from their specification files.

``python -m governance.projects`` rewrites them, ``--check`` only says whether they are up to date. The models are
committed, so that dbt needs no step before it and a reviewer sees what an approval lets out.
"""

from __future__ import annotations

import sys
from pathlib import Path

from governance.projects.catalogue import SPECIALTIES, load_catalogue
from governance.projects.errors import ProjectError
from governance.projects.render import project_files, registry
from governance.projects.specification import load_projects
from governance.settings import Settings

_FOLDERS = ("models/intermediate/publish/research", "models/research", "models/lineage/research")


def salt_names(folder: Path) -> list[str]:
    """Everything that needs a salt in ``vault.project_salt``: the projects of a folder and the specialty marts."""
    return sorted({path.stem for path in folder.glob("*.yaml")} | {f"specialty_{name}" for name in SPECIALTIES})


def rendered_files(projects: Path, dbt_project: Path) -> dict[Path, str]:
    """Content of every generated file by its path below the dbt project.

    Raises:
        ProjectError: a specification cannot be used.
    """
    catalogue = load_catalogue(dbt_project)
    specifications = load_projects(projects, catalogue)
    files = {Path("seeds/publish/research_project.csv"): registry(list(specifications.values()), SPECIALTIES)}
    for specification in specifications.values():
        files |= project_files(specification, catalogue)
    return files


def build_projects(projects: Path, dbt_project: Path) -> list[Path]:
    """Write all generated files and remove those of projects that are gone; returns the paths that changed.

    Raises:
        ProjectError: a specification cannot be used; nothing is written.
    """
    files = rendered_files(projects, dbt_project)
    changed = outdated_files(projects, dbt_project)
    for path in changed:
        target = dbt_project / path
        if path in files:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(files[path], "utf-8")
        else:
            target.unlink()
    return changed


def outdated_files(projects: Path, dbt_project: Path) -> list[Path]:
    """Generated files that are missing, differ from their specification or belong to no project.

    Raises:
        ProjectError: a specification cannot be used.
    """
    files = rendered_files(projects, dbt_project)
    present = {
        path.relative_to(dbt_project)
        for folder in _FOLDERS
        for path in (dbt_project / folder).rglob("*")
        if path.is_file()
    }
    differing = {
        path
        for path, content in files.items()
        if not (dbt_project / path).is_file() or (dbt_project / path).read_text("utf-8") != content
    }
    return sorted(differing | (present - set(files)))


def main(arguments: list[str], settings: Settings) -> int:
    """Command line; status 1: ``--check`` finds files that are not up to date, 2: a specification is refused."""
    try:
        if "--check" in arguments:
            paths = outdated_files(settings.projects, settings.dbt_project)
        else:
            paths = build_projects(settings.projects, settings.dbt_project)
    except ProjectError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    word = "not up to date" if "--check" in arguments else "written"
    sys.stdout.writelines(f"{word}: {path}\n" for path in paths)
    return 1 if paths and "--check" in arguments else 0
