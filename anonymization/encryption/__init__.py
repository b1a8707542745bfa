"""Field protection: authenticated encryption, tokens and blind indexes over whole columns.

Values and keys come in, protected values go out; nothing here knows where a key is kept or a value is stored. Arrow
columns go through :mod:`anonymization.encryption.columns`, which is imported where it is used.
"""

from anonymization.encryption.cipher import FieldCipher, KeyHolder
from anonymization.encryption.digests import BlindIndexer, KeyedDigest, Tokeniser
from anonymization.encryption.persons import Salts
from anonymization.encryption.suites import NONCE_BUDGET, Suite

__all__ = ["NONCE_BUDGET", "BlindIndexer", "FieldCipher", "KeyHolder", "KeyedDigest", "Salts", "Suite", "Tokeniser"]
