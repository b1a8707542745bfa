"""The error tree of ``governance``.

::

    GovernanceError
    ├── SettingsError          a setting or a secret is missing or malformed
    ├── ContractError          a contract file cannot be used (names file and field)
    ├── CollectionError        a delivery cannot be read or loaded (names source, table and file)
    ├── KeyringError           a key is missing, unreadable or of an unknown version
    ├── DatabaseError          the warehouse refused or cannot be reached
    ├── TransformationError    a dbt invocation failed (names the nodes)
    ├── LineageError           a row or a column cannot be followed back
    ├── ProjectError           a research project's specification cannot be used (governance.projects.errors)
    ├── ReviewError            a review sample or a reviewers' form cannot be used (governance.deidentification.review)
    ├── AccessError            rights cannot be declared, given or proved (names role, mart or approval)
    ├── AuditError             the audit log refused a record, or a proof of it cannot be made or read
    ├── BackupError            a backup or a restore failed
    ├── VerificationError      a proof could not be carried out at all
    └── RuntimeFailure         the embedded servers did not start, stop or answer

Each message says what failed, on which object's id (never a patient's value), and what the operator can do next.
"""


class GovernanceError(Exception):
    """Root of every error that ``governance`` raises on purpose."""


class SettingsError(GovernanceError):
    """A setting or a secret is missing or malformed."""


class ContractError(GovernanceError):
    """A contract file cannot be used; the message names the file, the field and the nearest valid key."""


class CollectionError(GovernanceError):
    """A delivery cannot be read or loaded; the message names source, table and file."""


class KeyringError(GovernanceError):
    """A key is missing, unreadable or of an unknown version."""


class DatabaseError(GovernanceError):
    """The warehouse refused a statement or cannot be reached."""


class TransformationError(GovernanceError):
    """A dbt invocation failed; the message names the nodes."""


class LineageError(GovernanceError):
    """A row or a column cannot be followed back to its source."""


class AccessError(GovernanceError):
    """Rights cannot be declared, given or proved; the message names the role, mart or approval."""


class AuditError(GovernanceError):
    """The audit log refused a record (the action then fails with it), or a proof of it cannot be made or read."""


class BackupError(GovernanceError):
    """A backup or a restore failed; nothing that was good before has been overwritten."""


class VerificationError(GovernanceError):
    """A proof could not be carried out at all (which is not the same as a failed check)."""


class RuntimeFailure(GovernanceError):
    """The embedded PostgreSQL or Airflow did not start, stop or answer."""
