"""Field protection: authenticated encryption, tokens and blind indexes over whole columns.

Values and keys come in, protected values go out; nothing here knows where a key is kept or a value is stored.
"""

from anonymization.encryption.cipher import FieldCipher
from anonymization.encryption.digests import BlindIndexer, KeyedDigest, Tokeniser

__all__ = ["BlindIndexer", "FieldCipher", "KeyedDigest", "Tokeniser"]
