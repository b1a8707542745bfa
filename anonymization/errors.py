"""Errors of the package.

AnonymizationError
├── PolicyError            a policy file does not say what to do with an entity
├── RecognitionError       a recognizer failed on a note: the note must be withheld
├── ReplacementError       an identifier was found but could not be replaced: the note must be withheld
├── ResidualIdentifierError   an identifier is still readable after scrubbing: the note must be withheld
└── DecryptionError        a ciphertext was altered, moved from its place, or its key is missing

No message carries a patient's value: only object ids, entity types and counts.
"""

from __future__ import annotations


class AnonymizationError(Exception):
    """Root of every error that this package raises."""


class PolicyError(AnonymizationError):
    """A de-identification policy cannot be read, or does not cover what it must."""


class RecognitionError(AnonymizationError):
    """A recognizer could not analyse a text; nothing of that text may be released."""


class ReplacementError(AnonymizationError):
    """An identifier was found but no safe replacement could be made; the text may not be released."""


class ResidualIdentifierError(AnonymizationError):
    """After scrubbing, a known identifier or a valid number can still be read in the text."""


class DecryptionError(AnonymizationError):
    """A ciphertext was altered, moved from its place, or its key is missing."""
