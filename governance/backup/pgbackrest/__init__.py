"""The server adapter: pgBackRest does the copying, we decide what is kept and prove what lies there.

Decision 0019. Its own exit status is never believed: ``pgbackrest verify`` ends with 0 whatever it has found.
"""

from governance.backup.pgbackrest.backups import PgBackRestBackups

__all__ = ["PgBackRestBackups"]
