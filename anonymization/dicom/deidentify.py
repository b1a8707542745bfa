"""De-identifies DICOM objects: table, options, private attributes, nested sequences, pixel rules, residual hunt.

    deidentifier = DicomDeidentifier(key, options=frozenset({Option.MODIFIED_DATES}))
    name, content = deidentifier.deidentify(path.read_bytes())

An object is written whole or not at all. What the table does not name stays only where its kind cannot identify:
unknown attributes, names, dates without a rule and long texts go.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pydicom import DataElement, Dataset, Sequence, dcmread, dcmwrite
from pydicom.datadict import dictionary_has_tag
from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from anonymization.dates import derive_shift_days
from anonymization.dicom.hunt import identifiers_of, left_in, numbers_left
from anonymization.dicom.pixels import withhold_reason
from anonymization.dicom.profile import BASIC_CODE, SAFE_PRIVATE, Action, Option, rule_of
from anonymization.dicom.text import decoded, each
from anonymization.dicom.values import KeyedValues, dummy, grouped_age, shifted
from anonymization.errors import AnonymizationError

Clean = Callable[[str, list[str], int], str]
"""Scrubs a text in which the given names may stand; its dates move by so many days."""

_LEAST_KEY_BYTES: Final = 16
_LONG_TEXT: Final = frozenset({"LT", "ST", "UT", "UC", "UR"})
_TEXT: Final = _LONG_TEXT | {"LO", "SH"}
_LONGEST: Final = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240}
_DATES: Final = frozenset({"DA", "DT", "TM"})
_PATIENT_ID, _PATIENT_NAME, _CHARACTER_SET = Tag(0x00100020), Tag(0x00100010), Tag(0x00080005)
_IMPLEMENTATION: Final = "2.25.211482746590312647120394857610293847561"
_BULK: Final = frozenset({"PixelData", "FloatPixelData", "DoubleFloatPixelData"})


class DicomWithheldError(AnonymizationError):
    """The pixels or the document may show who the patient is; the message says by what sign."""


class DicomRefusedError(AnonymizationError):
    """The object cannot be read, or an identifier would be left in it."""


@dataclass(frozen=True, slots=True)
class _Patient:
    pseudonym: str
    shift_days: int
    names: list[str]


class DicomDeidentifier:
    """Works after one key and one set of options; `key` has 16 bytes or more.

    `person_of` turns a patient id into the person key of the structured data, so that dates move alike; the id itself
    is used where it gives None. `clean` is needed for the option CLEAN_DESCRIPTORS. `trusted_modalities` are not
    withheld for their modality (`withhold_reason`). Raises ValueError for a short key or a missing `clean`.
    """

    def __init__(
        self,
        key: bytes,
        options: frozenset[Option] = frozenset({Option.MODIFIED_DATES}),
        *,
        clean: Clean | None = None,
        person_of: Callable[[str], str | None] | None = None,
        trusted_modalities: frozenset[str] = frozenset(),
        maximum_shift_days: int = 180,
    ) -> None:
        if len(key) < _LEAST_KEY_BYTES:
            raise ValueError("the key is shorter than 16 bytes")
        if Option.CLEAN_DESCRIPTORS in options and clean is None:
            raise ValueError("the Clean Descriptors Option needs a function that cleans")
        self._key = key
        self._values = KeyedValues(key)
        self._options = options
        self._clean = clean
        self._person_of = person_of or _nobody
        self._trusted = trusted_modalities
        self._maximum_shift_days = maximum_shift_days

    def deidentify(self, content: bytes) -> tuple[str, bytes]:
        """Return the path (pseudonym/series/instance.dcm) and the bytes of the de-identified object.

        Raises DicomWithheldError, or DicomRefusedError when it is no DICOM object or an identifier would be left.
        """
        with warnings.catch_warnings():  # pydicom quotes the values that it doubts
            warnings.simplefilter("ignore")
            return self._deidentify(content)

    def _deidentify(self, content: bytes) -> tuple[str, bytes]:
        original = _read(content)
        reason = withhold_reason(original, self._trusted)
        if reason is not None:
            raise DicomWithheldError(reason)
        try:
            identifiers = identifiers_of(original)
            patient = self._patient(original, identifiers.names)
            made = self._dataset(original, patient)
            self._mark(made, original)
            written = _written(made, without_pixels=True)
        except AnonymizationError:
            raise
        except Exception as error:  # pydicom raises many kinds over malformed values
            raise DicomRefusedError(f"malformed DICOM object ({type(error).__name__})") from error
        left = left_in(written, identifiers) + numbers_left(made)
        if left:
            raise DicomRefusedError(f"an identifier would be left ({', '.join(sorted(left))})")
        series = made.get("SeriesInstanceUID") or "no-series"
        return f"{patient.pseudonym}/{series}/{made.SOPInstanceUID}.dcm", _written(made)

    def _patient(self, original: Dataset, names: list[str]) -> _Patient:
        patient_id = str(original.get("PatientID") or "").strip()
        person = self._person_of(patient_id) or patient_id or str(original.get("StudyInstanceUID") or "")
        days = derive_shift_days(self._key, person, self._maximum_shift_days)
        return _Patient(self._values.pseudonym(person), days, names)

    def _dataset(self, original: Dataset, patient: _Patient) -> Dataset:
        made = Dataset()
        for element in original:
            replaced = self._element(original, element, patient)
            if replaced is not None:
                made.add(replaced)
        self._add_creators(original, made)
        return made

    def _element(self, dataset: Dataset, element: DataElement, patient: _Patient) -> DataElement | None:
        tag, vr = element.tag, str(element.VR)
        if tag == _CHARACTER_SET or tag.group <= 0x0004:
            return None
        if tag.is_private:
            return element if self._is_safe_private(dataset, tag) else None
        if tag in {_PATIENT_ID, _PATIENT_NAME}:
            return DataElement(tag, vr, patient.pseudonym)
        return self._apply(self._action(tag, vr), element, patient)

    def _action(self, tag: BaseTag, vr: str) -> Action:
        rule = rule_of(tag)
        if rule is not None:
            return rule.action(self._options, is_sequence=vr == "SQ")
        if not dictionary_has_tag(tag) or vr in _LONG_TEXT or vr == "UN":
            return Action.REMOVE
        if vr == "UI":
            return Action.UID
        if vr == "PN":
            return Action.EMPTY
        if vr in _DATES:
            return Action.CLEAN if Option.MODIFIED_DATES in self._options else Action.EMPTY
        return Action.KEEP

    def _apply(self, action: Action, element: DataElement, patient: _Patient) -> DataElement | None:
        tag, vr = element.tag, str(element.VR)
        if action is Action.REMOVE:
            return None
        if vr == "SQ":
            items = [] if action is Action.EMPTY else [self._dataset(item, patient) for item in element.value or []]
            return DataElement(tag, vr, Sequence(items))
        if action is Action.CLEAN:
            return self._cleaned(element, patient)
        return DataElement(tag, vr, self._value(action, vr, element.value))

    def _value(self, action: Action, vr: str, value: Any) -> Any:
        """Return the value of an attribute that stays: empty, a dummy, remapped, or as it is (ages over 89 grouped)."""
        if action is Action.EMPTY:
            return None
        if vr == "UI":
            return each(value, self._values.uid)
        if action is Action.DUMMY:
            return dummy(vr)
        return each(value, grouped_age) if vr == "AS" else value

    def _cleaned(self, element: DataElement, patient: _Patient) -> DataElement | None:
        """Shift dates, scrub texts; whatever can be neither is removed."""
        vr, clean = str(element.VR), self._clean
        if vr in _DATES:
            value = each(element.value, lambda one: shifted(vr, one, patient.shift_days) or "")
            return DataElement(element.tag, vr, value)
        if vr in _TEXT and clean is not None:
            longest = _LONGEST.get(vr)
            value = each(element.value, lambda one: clean(one, patient.names, patient.shift_days)[:longest])
            return DataElement(element.tag, vr, value)
        return None

    def _is_safe_private(self, dataset: Dataset, tag: BaseTag) -> bool:
        if Option.SAFE_PRIVATE not in self._options or tag.is_private_creator or tag.element < 0x1000:
            return False
        creator = str(dataset.get(Tag(tag.group, tag.element >> 8), DataElement(tag, "LO", "")).value).strip()
        return (creator, tag.group, tag.element & 0xFF) in SAFE_PRIVATE and dataset[tag].VR not in _TEXT | {"PN", "SQ"}

    def _add_creators(self, original: Dataset, made: Dataset) -> None:
        for block in {(e.tag.group, e.tag.element >> 8) for e in made if e.tag.is_private}:
            made.add(original[Tag(*block)])

    def _mark(self, made: Dataset, original: Dataset) -> None:
        """State what was done, write the file's meta information anew, and the text in UTF-8."""
        made.PatientIdentityRemoved = "YES"
        codes = [BASIC_CODE, *sorted((option.code, option.meaning) for option in self._options)]
        made.DeidentificationMethod = ["Xinglin", "DICOM PS3.15 Annex E"] + [code for code, _ in codes]
        if self._trusted:
            made.DeidentificationMethod = [*made.DeidentificationMethod, "pixels trusted: " + ",".join(self._trusted)]
        made.DeidentificationMethodCodeSequence = Sequence([_code(*code) for code in codes])
        dates = Option.MODIFIED_DATES in self._options
        made.LongitudinalTemporalInformationModified = "MODIFIED" if dates else "REMOVED"
        made.SpecificCharacterSet = "ISO_IR 192"
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = original.SOPClassUID
        meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
        meta.TransferSyntaxUID = original.file_meta.TransferSyntaxUID
        meta.ImplementationClassUID = UID(_IMPLEMENTATION)
        meta.ImplementationVersionName = "XINGLIN"
        made.file_meta = meta


def _nobody(_patient_id: str) -> str | None:
    return None


def _read(content: bytes) -> Dataset:
    try:
        dataset = decoded(dcmread(BytesIO(content)))
        for name in ("SOPClassUID", "SOPInstanceUID"):
            if not dataset.get(name):
                raise DicomRefusedError(f"no {name}")
        if "TransferSyntaxUID" not in dataset.file_meta:
            raise DicomRefusedError("no transfer syntax")
    except AnonymizationError:
        raise
    except Exception as error:
        raise DicomRefusedError(f"not a DICOM object, or damaged ({type(error).__name__})") from error
    return dataset


def _written(dataset: Dataset, *, without_pixels: bool = False) -> bytes:
    if without_pixels:
        pixels = {element.tag for element in dataset if element.keyword in _BULK}
        meta, dataset = dataset.file_meta, Dataset({e.tag: e for e in dataset if e.tag not in pixels})
        dataset.file_meta = meta
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item
