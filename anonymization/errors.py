"""Errors of the package.

AnonymizationError
├── PolicyError            a policy file does not say what to do with an entity
├── ModelError             a model file of the package is missing or damaged
├── UnreadableTextError    a text is no plain text (RTF, wrong decoding): the note must be withheld
├── RecognitionError       a recognizer failed on a note: the note must be withheld
├── ReplacementError       an identifier was found but could not be replaced: the note must be withheld
├── ResidualIdentifierError   an identifier is still readable after scrubbing: the note must be withheld
├── DecryptionError        a ciphertext was altered, moved from its place, or its key is missing
├── CorpusError            an annotated corpus is malformed (anonymization.evaluation)
├── RiskError              the risk of a table cannot be told (anonymization.risk)
├── CharacterSetError      texts of a DICOM object are in no known character set (anonymization.dicom)
├── DicomWithheldError     pixels or document may show who the patient is (anonymization.dicom)
└── DicomRefusedError      no DICOM object, or an identifier would be left in it (anonymization.dicom)

No message carries a patient's value: only object ids, entity types and counts.
"""

from __future__ import annotations


class AnonymizationError(Exception):
    """Root of every error that this package raises."""


class PolicyError(AnonymizationError):
    """A de-identification policy cannot be read, or does not cover what it must."""


class ModelError(AnonymizationError):
    """A model file of the package is missing, damaged, or does not fit its tables; nothing may run without it."""


class UnreadableTextError(AnonymizationError):
    """A text cannot be analysed as it is: RTF, a wrong decoding, too long. `reason` names the fault in two words."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The text cannot be analysed ({reason}). Withhold the note; correct its source, run again.")
        self.reason = reason


class RecognitionError(AnonymizationError):
    """A recognizer could not analyse a text; nothing of that text may be released."""


class ReplacementError(AnonymizationError):
    """An identifier was found but no safe replacement could be made; the text may not be released."""


class ResidualIdentifierError(AnonymizationError):
    """After scrubbing, a known identifier or a valid number can still be read in the text."""


class DecryptionError(AnonymizationError):
    """A ciphertext was altered, moved from its place, or its key is missing."""
