"""Errors of the sample hospital.

SampleHospitalError
└── OccupiedFolderError   the output folder holds another hospital (other seed or size)
"""

from __future__ import annotations


class SampleHospitalError(Exception):
    """The generator cannot do what was asked; the message says what to change."""


class OccupiedFolderError(SampleHospitalError):
    """The output or answer-key folder already holds a hospital made with another seed, size or first day."""
