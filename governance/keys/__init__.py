"""The keyring: every key of the installation, wrapped, in a file outside the database."""

from governance.keys.keyring import Keyring
from governance.keys.store import create_keyring, open_keyring

__all__ = ["Keyring", "create_keyring", "open_keyring"]
