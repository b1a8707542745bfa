"""DICOM headers after PS3.15 Annex E: profile, values, pixel rules, and the check of what was written."""

from anonymization.dicom.deidentify import DicomDeidentifier, DicomRefusedError, DicomWithheldError
from anonymization.dicom.profile import Option

__all__ = ["DicomDeidentifier", "DicomRefusedError", "DicomWithheldError", "Option"]
