"""A made-up CT image of an invented patient, in any character set."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset, Sequence, dcmwrite
from pydicom.dataset import FileMetaDataset

Make = Callable[..., bytes]
CT = "1.2.840.10008.5.1.4.1.1.2"
IDENTIFIERS = (
    "王^小东", "王小东", "WANG^XIAODONG", "XIAODONG", "ZY0012345", "OLD-7781", "ACC998877", "广州第一医院", "李^四光",
    "李四光", "ㄨㄤ^ㄒㄧㄠ", "13812345678", "越秀区东风路1号", "1.2.3.4.5",
)  # fmt: skip


def ct_image(charset: Any = "GB18030", **changes: Any) -> bytes:
    """Return the file; `changes` are attributes by keyword, None removes one."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    image.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5.6"
    image.file_meta.SourceApplicationEntityTitle = "WANGXIAODONG"
    if charset is not None:
        image.SpecificCharacterSet = charset
    image.SOPClassUID, image.SOPInstanceUID = CT, "1.2.3.4.5.6"
    image.StudyInstanceUID, image.SeriesInstanceUID = "1.2.3.4.5", "1.2.3.4.5.1"
    image.Modality, image.ImageType, image.BodyPartExamined = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"], "CHEST"
    image.PatientName, image.PatientID = "WANG^XIAODONG=王^小东", "ZY0012345"
    image.OtherPatientIDs, image.PatientBirthDate, image.PatientSex = "OLD-7781", "19500607", "M"
    image.PatientAge, image.PatientWeight = "093Y", "61"
    image.PatientAddress, image.PatientTelephoneNumbers = "越秀区东风路1号", "13812345678"
    image.AccessionNumber, image.InstitutionName = "ACC998877", "广州第一医院"
    image.ReferringPhysicianName, image.StudyDescription = "李^四光", "王小东 胸部CT平扫"
    image.DeviceSerialNumber, image.Manufacturer = "SN-55-1", "Maker"
    image.StudyDate, image.StudyTime, image.AcquisitionDateTime = "20260305", "101112", "20260305101112.5+0800"
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CT, "1.2.3.4.5.6"
    reference.PatientID, reference.PersonName = "ZY0012345", "王^小东"
    image.ReferencedImageSequence = Sequence([reference])
    block = image.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")
    block.add_new(0x40, "LO", "王小东")
    image.Rows = image.Columns = 2
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 15, 0, 1
    image.PhotometricInterpretation, image.PixelData = "MONOCHROME2", b"\1\2" * 4
    for keyword, value in changes.items():
        if value is None:
            delattr(image, keyword)
        else:
            setattr(image, keyword, value)
    buffer = BytesIO()
    dcmwrite(buffer, image, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def make() -> Make:
    return ct_image
