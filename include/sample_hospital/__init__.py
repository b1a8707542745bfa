"""The sample hospital: a deterministic stand-in for the exports of a Chinese hospital's systems.

The people are invented and cannot exist: identity numbers use a region code that is not assigned, mobiles a segment
that no operator holds, names are combined at random (see ``identifiers`` for each kind and how sure we are).
Provinces, cities and districts are real, roads and institutions are not. Nothing here was learnt from a real
patient's data.
"""

from include.sample_hospital.errors import OccupiedFolderError, SampleHospitalError
from include.sample_hospital.generate import Summary, generate

__all__ = ["OccupiedFolderError", "SampleHospitalError", "Summary", "generate"]
