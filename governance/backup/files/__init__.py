"""Files beside the database (images, documents, contracts …) backed up encrypted, by content, and never overwritten.

Layout of a place (docs/decisions/0019): ``objects/<2>/<id>-<random>`` holds one content, ``snapshots/<id>.json`` is a
signed list of the objects of one run, written last; the names of the files stand in an encrypted object of their own.
"""

from governance.backup.files.places import FileBackups
from governance.backup.files.policy import FilesPolicy, load_files_policy

__all__ = ["FileBackups", "FilesPolicy", "load_files_policy"]
