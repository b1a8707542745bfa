"""Research projects: who may have which fields of which patients, written as one file a project (``include/projects``)."""

from governance.projects.build import build_projects, outdated_files
from governance.projects.catalogue import Catalogue, Column, Table, load_catalogue
from governance.projects.errors import ProjectError
from governance.projects.salts import ensure_project_salts
from governance.projects.specification import Project, load_project, load_projects

__all__ = [
    "Catalogue",
    "Column",
    "Project",
    "ProjectError",
    "Table",
    "build_projects",
    "ensure_project_salts",
    "load_catalogue",
    "load_project",
    "load_projects",
    "outdated_files",
]
