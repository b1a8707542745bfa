"""The export files of the six systems, each in its vendor's shape: file, encoding, columns and what they mean."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """One export file: header as the vendor spells it, logical names beside it. ``key`` is the index of the primary
    key.
    """

    source: str
    name: str
    file: str
    encoding: str
    delimiter: str
    newline: str
    columns: tuple[str, ...]
    logical: tuple[str, ...]
    ndjson: bool = False
    bom: bool = False

    def index(self, logical: str) -> int:
        return self.logical.index(logical)


def _table(
    source: str, name: str, file: str, pairs: str, encoding: str = "utf-8", delimiter: str = ",", newline: str = "\n"
) -> Table:
    columns = [pair.split("=") for pair in pairs.split()]
    return Table(
        source=source,
        name=name,
        file=file,
        encoding="utf-8" if encoding == "utf-8-sig" else encoding,
        delimiter=delimiter,
        newline=newline,
        columns=tuple(column for column, _ in columns),
        logical=tuple(logical for _, logical in columns),
        ndjson=file.endswith(".ndjson"),
        bom=encoding == "utf-8-sig",
    )


def _his(name: str, file: str, pairs: str) -> Table:
    return _table("his", name, file, pairs, encoding="gb18030", newline="\r\n")


HIS_PATIENT = _his(
    "patient",
    "HZXX.csv",
    "BRID=patient_no XM=name XB=sex CSRQ=birth_date SFZH=resident_id LXDH=mobile JTZZ=address "
    "GZDW=employer HYZK=marital_status MZ=ethnicity LXRXM=contact_name LXRDH=contact_mobile "
    "JDSJ=registered_at XGSJ=updated_at",
)
HIS_VISIT = _his(
    "visit",
    "JZJL.csv",
    "JZLSH=visit_no BRID=patient_no ZYH=admission_no JZLX=visit_class KSMC=department "
    "YSXM=physician_name JZSJ=start_at CYSJ=end_at LYFS=discharge_disposition "
    "RYTJ=admission_route",
)
HIS_DIAGNOSIS = _his(
    "diagnosis",
    "ZDXX.csv",
    "ZDLSH=diagnosis_no JZLSH=visit_no BRID=patient_no ZDLB=diagnosis_rank ZDBM=code ZDMC=name_text ZDSJ=diagnosed_at",
)
HIS_ORDER = _his(
    "order",
    "YZXX.csv",
    "YZH=order_no JZLSH=visit_no BRID=patient_no YZLX=order_type YZMC=order_name XMBM=item_code "
    "KSSJ=start_at TZSJ=stop_at YZZT=order_status KDYS=ordering_physician",
)
HIS_DRUG = _his(
    "drug",
    "YPMX.csv",
    "YPLSH=drug_no YZH=order_no JZLSH=visit_no BRID=patient_no YPBM=drug_code YPMC=drug_name "
    "GG=strength YCJL=dose JLDW=dose_unit SL=quantity YYTJ=route FYSJ=dispensed_at",
)
HIS_OPERATION = _his(
    "operation",
    "SSJL.csv",
    "SSLSH=operation_no JZLSH=visit_no BRID=patient_no SSBM=code SSMC=name_text "
    "SSRQ=performed_on SSJB=surgery_level QKLB=incision_class MZFS=anesthesia SSYS=surgeon_name",
)
HIS_FEE = _his(
    "fee",
    "FYMX.csv",
    "FYLSH=fee_no JZLSH=visit_no BRID=patient_no XMBM=item_code XMMC=item_name SL=quantity "
    "DJ=unit_price JE=amount FYLB=fee_class JFSJ=charged_at",
)
EMR_NOTE = _table(
    "emr",
    "note",
    "notes.ndjson",
    "recordId=record_no mrn=mrn visitNo=visit_no docType=note_type title=title "
    "author=author_name authoredAt=authored_at patientName=patient_name idNo=resident_id "
    "text=text",
)
LIS_PATIENT = _table(
    "lis",
    "patient",
    "lis_patient.csv",
    "PAT_NO=patient_no PAT_NAME=name SEX=sex BIRTH_DATE=birth_date ID_CARD=resident_id PHONE=mobile",
)
LIS_RESULT = _table(
    "lis",
    "result",
    "lis_result.csv",
    "RESULT_ID=result_no SAMPLE_NO=sample_no PAT_NO=patient_no HIS_VISIT_NO=visit_no "
    "TEST_CODE=test_code TEST_NAME=test_name RESULT_VALUE=value RESULT_TEXT=value_text "
    "UNIT=unit REF_LOW=ref_low REF_HIGH=ref_high FLAG=abnormal_flag SAMPLE_TIME=sampled_at "
    "REPORT_TIME=reported_at INSTRUMENT=instrument",
)
PATH_REPORT = _table(
    "path",
    "report",
    "pathology.csv",
    "病理号=pathology_no 病人编号=patient_no 姓名=name 性别=sex 年龄=age 身份证号=resident_id 住院号=admission_no "
    "送检科室=department 标本名称=specimen 收到日期=received_on 报告日期=reported_on 报告医师=pathologist_name "
    "肉眼所见=gross_text 病理诊断=diagnosis_text 免疫组化=ihc_text",
    encoding="utf-8-sig",
)
PACS_STUDY = _table(
    "pacs",
    "study",
    "pacs_study.csv",
    "STUDY_UID=study_uid ACCESSION_NO=accession_no PACS_ID=patient_no PAT_NAME=name PAT_SEX=sex "
    "PAT_BIRTH=birth_date ID_NO=resident_id VISIT_NO=visit_no MODALITY=modality "
    "BODY_PART=body_part STUDY_TIME=studied_at REPORT_TIME=reported_at FINDINGS=findings_text "
    "IMPRESSION=impression_text DOCTOR=radiologist_name",
    delimiter="|",
)
FOLLOW_UP_CONTACT = _table(
    "follow_up",
    "contact",
    "followup.csv",
    "FU_ID=contact_no FU_PID=patient_no NAME=name ID_NO=resident_id MOBILE=mobile "
    "FU_DATE=contacted_on METHOD=method STATUS=status SITE=recurrence_site "
    "DEATH_DATE=death_date REMARK=remark_text",
)
TABLES: tuple[Table, ...] = (
    HIS_PATIENT,
    HIS_VISIT,
    HIS_DIAGNOSIS,
    HIS_ORDER,
    HIS_DRUG,
    HIS_OPERATION,
    HIS_FEE,
    EMR_NOTE,
    LIS_PATIENT,
    LIS_RESULT,
    PATH_REPORT,
    PACS_STUDY,
    FOLLOW_UP_CONTACT,
)
SOURCES = tuple(dict.fromkeys(table.source for table in TABLES))
