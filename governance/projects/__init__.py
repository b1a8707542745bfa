"""Research projects: who may have which fields of which patients, one file a project (``include/projects``)."""

from governance.projects.build import build_projects, outdated_files, salt_names
from governance.projects.catalogue import Catalogue, Column, Table, load_catalogue
from governance.projects.errors import ProjectError
from governance.projects.specification import Project, load_project, load_projects

__all__ = [
    "Catalogue",
    "Column",
    "Project",
    "ProjectError",
    "Table",
    "build_projects",
    "load_catalogue",
    "load_project",
    "load_projects",
    "outdated_files",
    "salt_names",
]
