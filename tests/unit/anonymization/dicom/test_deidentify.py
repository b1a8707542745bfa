"""De-identified objects: nobody is in them, what research needs is, and what cannot be judged is withheld."""

from __future__ import annotations

import contextlib
import re
import warnings
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset, Sequence, dcmread, dcmwrite
from pydicom.encaps import encapsulate

from anonymization.dates import derive_shift_days
from anonymization.dicom import DicomDeidentifier, DicomRefusedError, DicomWithheldError, Option
from anonymization.errors import AnonymizationError
from tests.unit.anonymization.dicom.conftest import IDENTIFIERS, Make

KEY = bytes(range(32))
ALL = frozenset(Option)


def clean(text: str, names: list[str], _shift_days: int) -> str:
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, "某人")
    return text


@pytest.fixture
def worker() -> DicomDeidentifier:
    return DicomDeidentifier(KEY)


def read(content: bytes) -> Dataset:
    return dcmread(BytesIO(content))


@pytest.mark.parametrize(
    "charset", ["GB18030", "GBK", "ISO_IR 192", ["", "ISO 2022 IR 58"], ["", "ISO 2022 IR 6", "ISO 2022 IR 58"]]
)
@pytest.mark.parametrize("options", [frozenset(), frozenset({Option.MODIFIED_DATES}), ALL])
def test_no_identifier_is_left_in_the_bytes(make: Make, charset: Any, options: frozenset[Option]) -> None:
    path, content = DicomDeidentifier(KEY, options, clean=clean).deidentify(make(charset))
    for identifier in IDENTIFIERS:
        for encoding in ("utf-8", "gb18030", "utf-16-le"):
            encoded = identifier.encode(encoding)
            assert not re.search(rb"(?<![0-9.])" + re.escape(encoded) + rb"(?![0-9.])", content), identifier
        assert identifier not in path


def test_chinese_texts_under_a_wrong_set_are_read_right(make: Make) -> None:
    raw = make("GB18030")
    assert raw.count(b"GB18030 ") == 1
    worker = DicomDeidentifier(KEY, ALL, clean=clean)
    made = read(worker.deidentify(raw.replace(b"GB18030 ", b"ISO_IR 6"))[1])
    assert made.StudyDescription == "某人 胸部CT平扫"
    assert made.SpecificCharacterSet == "ISO_IR 192"


def test_texts_in_no_known_set_are_refused(worker: DicomDeidentifier, make: Make) -> None:
    raw = (
        make("GB18030")
        .replace(b"GB18030 ", b"ISO_IR 6")
        .replace("王小东".encode("gb18030"), b"\xff\xff\xff\xff\xff\xff")
    )
    with pytest.raises(AnonymizationError, match="character set"):
        worker.deidentify(raw)


def test_all_component_groups_of_names_are_gone(worker: DicomDeidentifier, make: Make) -> None:
    content = worker.deidentify(make("ISO_IR 192", PatientName="Wang^Xiao=王^小东=ㄨㄤ^ㄒㄧㄠ"))[1]
    assert str(read(content).PatientName) == read(content).PatientID
    assert "ㄒㄧㄠ".encode() not in content


def test_nested_items_and_file_meta_are_treated_too(worker: DicomDeidentifier, make: Make) -> None:
    made = read(worker.deidentify(make())[1])
    item = made.ReferencedImageSequence[0]
    assert item.ReferencedSOPInstanceUID == made.SOPInstanceUID
    assert item.PatientID == made.PatientID
    assert str(item.PersonName) == "ANONYMIZED"
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert "SourceApplicationEntityTitle" not in made.file_meta


def test_uids_are_consistent_within_a_key_and_another_under_another(make: Make) -> None:
    first, again, other = (read(DicomDeidentifier(key).deidentify(make())[1]) for key in (KEY, KEY, bytes(32)))
    assert first.StudyInstanceUID == again.StudyInstanceUID
    assert first.StudyInstanceUID != other.StudyInstanceUID
    assert re.fullmatch(r"2\.25\.[1-9]\d{1,38}", first.SOPInstanceUID)
    assert first.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2"


def test_dates_move_by_the_persons_shift_and_times_stay(make: Make) -> None:
    worker = DicomDeidentifier(KEY, person_of={"ZY0012345": "person-1"}.get)
    made = read(worker.deidentify(make())[1])
    moved = date(2026, 3, 5).toordinal() + derive_shift_days(KEY, "person-1")
    expected = date.fromordinal(moved).strftime("%Y%m%d")
    assert (made.StudyDate, made.StudyTime) == (expected, "101112")
    assert made.AcquisitionDateTime == f"{expected}101112.5+0800"
    assert made.PatientBirthDate == ""
    assert made.LongitudinalTemporalInformationModified == "MODIFIED"


def test_without_the_option_dates_are_removed(make: Make) -> None:
    content = DicomDeidentifier(KEY, frozenset()).deidentify(make())[1]
    assert b"20260305" not in content
    assert read(content).LongitudinalTemporalInformationModified == "REMOVED"


def test_patient_characteristics_only_with_the_option_and_ages_over_89_in_one_group(make: Make) -> None:
    bare = read(DicomDeidentifier(KEY).deidentify(make())[1])
    kept = read(DicomDeidentifier(KEY, frozenset({Option.PATIENT_CHARACTERISTICS})).deidentify(make())[1])
    assert (bare.PatientSex, "PatientAge" in bare, "PatientWeight" in bare) == ("", False, False)
    assert (kept.PatientSex, kept.PatientAge, kept.PatientWeight) == ("M", "090Y", 61)


def test_device_identity_only_with_the_option(make: Make) -> None:
    made = read(DicomDeidentifier(KEY).deidentify(make(DeviceSerialNumber="SN-55-1"))[1])
    assert made.DeviceSerialNumber != "SN-55-1"


def test_private_attributes_go_except_safe_ones_on_request(make: Make) -> None:
    bare = read(DicomDeidentifier(KEY).deidentify(make())[1])
    safe = read(DicomDeidentifier(KEY, frozenset({Option.SAFE_PRIVATE})).deidentify(make())[1])
    assert not [element for element in bare if element.tag.is_private]
    assert [(e.tag, e.value) for e in safe if e.tag.is_private] == [
        (0x00190010, "SIEMENS MR HEADER"),
        (0x0019100C, 1000),
    ]


def test_method_and_codes_are_stated(make: Make) -> None:
    made = read(DicomDeidentifier(KEY, ALL, clean=clean).deidentify(make())[1])
    assert made.PatientIdentityRemoved == "YES"
    assert [item.CodeValue for item in made.DeidentificationMethodCodeSequence] == [
        "113100", "113105", "113107", "113108", "113109", "113111",
    ]  # fmt: skip


def test_pixels_are_untouched(worker: DicomDeidentifier, make: Make) -> None:
    assert read(worker.deidentify(make())[1]).PixelData == b"\1\2" * 4


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"])
def test_other_transfer_syntaxes_are_kept(worker: DicomDeidentifier, make: Make, syntax: str) -> None:
    image = read(make("GB18030"))
    image.decode()
    image.file_meta.TransferSyntaxUID = syntax
    buffer = BytesIO()
    dcmwrite(buffer, image, enforce_file_format=True, implicit_vr=syntax == "1.2.840.10008.1.2",
             little_endian=syntax != "1.2.840.10008.1.2.2")  # fmt: skip
    made = read(worker.deidentify(buffer.getvalue())[1])
    assert made.file_meta.TransferSyntaxUID == syntax
    assert (made.Rows, made.PixelData) == (2, b"\1\2" * 4)
    assert made.ReferencedImageSequence[0].PatientID == made.PatientID


def test_compressed_pixels_are_kept_as_they_are(worker: DicomDeidentifier, make: Make) -> None:
    image = read(make("ISO_IR 192"))
    image.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
    image.PixelData = encapsulate([b"\xff\x4f\xff\x51"])
    image["PixelData"].is_undefined_length = True
    buffer = BytesIO()
    dcmwrite(buffer, image, enforce_file_format=True)
    made = read(worker.deidentify(buffer.getvalue())[1])
    assert made.PixelData == image.PixelData


def test_overlay_planes_and_their_labels_are_removed(worker: DicomDeidentifier, make: Make) -> None:
    image = read(make())
    image.add_new(0x60003000, "OW", b"\1\0")
    image.add_new(0x60000022, "LO", "王小东")
    buffer = BytesIO()
    image.save_as(buffer)
    made = read(worker.deidentify(buffer.getvalue())[1])
    assert not [element for element in made if element.tag.group == 0x6000]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Modality": "US"}, "modality: US"),
        ({"Modality": "ES"}, "modality: ES"),
        ({"Modality": "XC"}, "modality: XC"),
        ({"Modality": "OT"}, "modality: OT"),
        ({"Modality": "SC"}, "modality: SC"),
        ({"Modality": None}, "modality: not given"),
        ({"Modality": "CR"}, "CR without the flag"),
        ({"Modality": "DX", "BurnedInAnnotation": "YES"}, "flag: YES"),
        ({"BurnedInAnnotation": "YES"}, "flag: YES"),
        ({"RecognizableVisualFeatures": "YES"}, "visual features"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2"}, "secondary capture"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"}, "encapsulated document"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11"}, "structured report"),
        ({"ConversionType": "DV"}, "converted"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "captured"),
        ({"ImageType": ["DERIVED", "SECONDARY", "DOSE_INFO"]}, "captured"),
        ({"EncapsulatedDocument": b"%PDF-1.7"}, "encapsulated document"),
    ],
)
def test_what_may_show_a_name_is_withheld_with_its_reason(
    worker: DicomDeidentifier, make: Make, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DicomWithheldError, match=reason):
        worker.deidentify(make(**changes))


def test_an_overlay_inside_the_pixels_is_withheld(worker: DicomDeidentifier, make: Make) -> None:
    image = read(make())
    image.add_new(0x60000102, "US", 12)
    buffer = BytesIO()
    image.save_as(buffer)
    with pytest.raises(DicomWithheldError, match="inside the pixel data"):
        worker.deidentify(buffer.getvalue())


def test_a_flag_that_says_no_lets_radiographs_through(worker: DicomDeidentifier, make: Make) -> None:
    assert worker.deidentify(make(Modality="DX", BurnedInAnnotation="NO"))


def test_trusted_modalities_still_heed_a_flag_that_says_yes(make: Make) -> None:
    worker = DicomDeidentifier(KEY, trusted_modalities=frozenset({"CR"}))
    assert "pixels trusted: CR" in read(worker.deidentify(make(Modality="CR"))[1]).DeidentificationMethod
    with pytest.raises(DicomWithheldError):
        worker.deidentify(make(Modality="CR", BurnedInAnnotation="YES"))


@pytest.mark.parametrize("content", [b"", b"abc", b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM" + b"\x99" * 50])
def test_what_is_no_dicom_object_is_refused(worker: DicomDeidentifier, content: bytes) -> None:
    with pytest.raises(DicomRefusedError):
        worker.deidentify(content)


def test_a_name_in_an_attribute_that_stays_refuses_the_object(worker: DicomDeidentifier, make: Make) -> None:
    with pytest.raises(DicomRefusedError, match="would be left") as caught:
        worker.deidentify(make(Manufacturer="王小东"))
    assert "王" not in str(caught.value)


@pytest.mark.parametrize("value", ["11010519491231002X", "138 1234 5678", "wang@example.com"])
def test_a_valid_number_in_an_attribute_that_stays_refuses_the_object(
    worker: DicomDeidentifier, make: Make, value: str
) -> None:
    with pytest.raises(DicomRefusedError, match="would be left"):
        worker.deidentify(make(Manufacturer=value))


def test_malformed_dates_become_empty(worker: DicomDeidentifier, make: Make) -> None:
    raw = make().replace(b"DA\x08\x0020260305", b"DA\x08\x002026xx05")
    assert read(worker.deidentify(raw)[1]).StudyDate == ""


def test_sequences_may_nest_deeply(worker: DicomDeidentifier, make: Make) -> None:
    inner = Dataset()
    inner.PatientName = "王^小东"
    for _ in range(20):
        outer = Dataset()
        outer.ProcedureCodeSequence = Sequence([inner])
        inner = outer
    content = worker.deidentify(make(ProcedureCodeSequence=Sequence([inner])))[1]
    assert "小东".encode() not in content
    assert "小东".encode("gb18030") not in content


def test_a_short_key_or_a_missing_cleaner_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        DicomDeidentifier(b"short")
    with pytest.raises(ValueError, match="Clean Descriptors"):
        DicomDeidentifier(KEY, ALL)


def test_malformed_values_are_never_quoted_in_a_warning(worker: DicomDeidentifier, make: Make) -> None:
    """pydicom's own warnings name the value that it doubts, which may be an identifier in the wrong place."""
    content = make(InstanceNumber="987650").replace(b"987650", b"98765W")
    with pytest.warns(UserWarning, match="98765W"), contextlib.suppress(ValueError):
        assert dcmread(BytesIO(content), force=True).InstanceNumber
    with warnings.catch_warnings(record=True) as seen, contextlib.suppress(DicomRefusedError):
        warnings.simplefilter("always")
        worker.deidentify(content)
    assert not seen
