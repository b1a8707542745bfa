"""Warning signs of ransomware and of neglect: what backups, landed text, files, a decoy and the archive tell."""

from governance.backup.signs.model import Sign, SignState, jump

__all__ = ["Sign", "SignState", "jump"]
