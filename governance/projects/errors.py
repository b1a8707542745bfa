"""The error of ``governance.projects``, a branch of :class:`governance.errors.GovernanceError`."""

from governance.errors import GovernanceError


class ProjectError(GovernanceError):
    """A project specification cannot be used; the message names file, key and nearest valid key or value."""
