"""The laboratory's catalogue: local test codes, units, reference ranges by sex, panels, and the analysers that report
in other units.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LabTest:
    """One test. Range = reference interval in ``unit``; ``skewed`` tests are log-normal; ``text_only`` ones have no
    number.
    """

    code: str
    name: str
    unit: str
    low_male: float
    high_male: float
    low_female: float
    high_female: float
    decimals: int
    skewed: bool = False
    text_only: bool = False

    def limits(self, male: bool) -> tuple[float, float]:
        return (self.low_male, self.high_male) if male else (self.low_female, self.high_female)


_ROWS = """
WBC|白细胞计数|10^9/L|3.5|9.5|||2|
NEUT|中性粒细胞绝对值|10^9/L|1.8|6.3|||2|
NEUTP|中性粒细胞百分比|%|40|75|||1|
LYMPH|淋巴细胞绝对值|10^9/L|1.1|3.2|||2|
MONO|单核细胞绝对值|10^9/L|0.1|0.6|||2|
RBC|红细胞计数|10^12/L|4.3|5.8|3.8|5.1|2|
HGB|血红蛋白|g/L|130|175|115|150|0|
HCT|红细胞压积|%|40|50|35|45|1|
MCV|平均红细胞体积|fL|82|100|||1|
PLT|血小板计数|10^9/L|125|350|||0|
ALT|丙氨酸氨基转移酶|U/L|9|50|7|40|0|s
AST|天门冬氨酸氨基转移酶|U/L|15|40|13|35|0|s
ALP|碱性磷酸酶|U/L|45|125|50|135|0|
GGT|γ-谷氨酰转移酶|U/L|10|60|7|45|0|s
TBIL|总胆红素|umol/L|5|23|5|21|1|s
DBIL|直接胆红素|umol/L|1|8|1|8|1|s
TP|总蛋白|g/L|65|85|||1|
ALB|白蛋白|g/L|40|55|||1|
CREA|肌酐|umol/L|57|97|41|73|0|
UREA|尿素|mmol/L|3.1|8.0|2.6|7.5|1|
UA|尿酸|umol/L|208|428|155|357|0|
K|钾|mmol/L|3.5|5.3|||2|
NA|钠|mmol/L|137|147|||1|
CL|氯|mmol/L|99|110|||1|
CA|钙|mmol/L|2.11|2.52|||2|
TC|总胆固醇|mmol/L|2.9|5.2|||2|
TG|甘油三酯|mmol/L|0.4|1.7|||2|s
HDL|高密度脂蛋白胆固醇|mmol/L|1.0|1.9|||2|
LDL|低密度脂蛋白胆固醇|mmol/L|1.5|3.4|||2|
GLU|葡萄糖|mmol/L|3.9|6.1|||2|
HBA1C|糖化血红蛋白|%|4.0|6.0|||1|
PT|凝血酶原时间|s|9.4|12.5|||1|
INR|国际标准化比值|1|0.8|1.2|||2|
APTT|活化部分凝血活酶时间|s|25.1|36.5|||1|
FIB|纤维蛋白原|g/L|2.0|4.0|||2|
DDIM|D-二聚体|mg/L|0|0.5|||2|s
CEA|癌胚抗原|ng/mL|0|5|||2|s
CA153|糖类抗原15-3|U/mL|0|25|||1|s
CA125|糖类抗原125|U/mL|0|35|||1|s
CA199|糖类抗原19-9|U/mL|0|37|||1|s
AFP|甲胎蛋白|ng/mL|0|7|||2|s
PSA|总前列腺特异性抗原|ng/mL|0|4|||2|s
TSH|促甲状腺激素|mIU/L|0.35|4.94|||3|s
FT3|游离三碘甲状腺原氨酸|pmol/L|2.63|5.7|||2|
FT4|游离甲状腺素|pmol/L|9.01|19.05|||2|
CRP|C反应蛋白|mg/L|0|8|||1|s
PCT|降钙素原|ng/mL|0|0.05|||3|s
BNP|B型钠尿肽|pg/mL|0|100|||0|s
CTNI|肌钙蛋白I|ng/mL|0|0.04|||3|s
CK|肌酸激酶|U/L|50|310|40|200|0|s
AMY|淀粉酶|U/L|35|135|||0|s
HCG|β-人绒毛膜促性腺激素|mIU/mL|0|5|||1|s
E2|雌二醇|pmol/L|40|160|20|1200|0|s
FSH|卵泡刺激素|IU/L|1.5|12.4|1.7|134|1|s
HBSAG|乙肝表面抗原|||||||t
HIVAB|HIV抗原抗体|||||||t
TPAB|梅毒螺旋体抗体|||||||t
HCVAB|丙肝抗体|||||||t
UPRO|尿蛋白|||||||t
ULEU|尿白细胞酯酶|||||||t
"""


def _parse(row: str) -> LabTest:
    code, name, unit, low, high, low_f, high_f, decimals, mark = row.split("|")[:9]
    if mark == "t":
        return LabTest(code, name, "", 0, 0, 0, 0, 0, text_only=True)
    return LabTest(
        code,
        name,
        unit,
        float(low),
        float(high),
        float(low_f or low),
        float(high_f or high),
        int(decimals),
        skewed=mark == "s",
    )


def _fields(row: str) -> str:
    # text-only rows leave the numbers out
    code, name, *rest = row.split("|")
    return row if len(rest) == 7 else "|".join([code, name, "", "", "", "", "", "", "t"])


TESTS: dict[str, LabTest] = {test.code: test for test in (_parse(_fields(row)) for row in _ROWS.strip().splitlines())}

PANELS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # panel: (item code, order name, tests)
    "cbc": ("JY0101", "血常规五分类", ("WBC", "NEUT", "NEUTP", "LYMPH", "MONO", "RBC", "HGB", "HCT", "MCV", "PLT")),
    "liver": ("JY0201", "肝功能八项", ("ALT", "AST", "ALP", "GGT", "TBIL", "DBIL", "TP", "ALB")),
    "kidney": ("JY0202", "肾功能三项", ("CREA", "UREA", "UA")),
    "electrolytes": ("JY0203", "电解质四项", ("K", "NA", "CL", "CA")),
    "lipids": ("JY0204", "血脂四项", ("TC", "TG", "HDL", "LDL")),
    "glucose": ("JY0205", "空腹血糖", ("GLU",)),
    "hba1c": ("JY0206", "糖化血红蛋白", ("HBA1C",)),
    "coagulation": ("JY0301", "凝血五项", ("PT", "INR", "APTT", "FIB", "DDIM")),
    "markers": ("JY0401", "肿瘤标志物", ("CEA", "CA199", "AFP")),
    "breast_markers": ("JY0402", "乳腺肿瘤标志物", ("CEA", "CA153", "CA125")),
    "psa": ("JY0403", "前列腺特异性抗原", ("PSA",)),
    "ca125": ("JY0404", "糖类抗原125", ("CA125",)),
    "thyroid": ("JY0501", "甲功三项", ("TSH", "FT3", "FT4")),
    "sex_hormones": ("JY0502", "性激素二项", ("E2", "FSH")),
    "hcg": ("JY0503", "血HCG定量", ("HCG",)),
    "crp": ("JY0601", "C反应蛋白", ("CRP",)),
    "pct": ("JY0602", "降钙素原", ("PCT",)),
    "cardiac": ("JY0701", "心肌标志物", ("CTNI", "CK", "BNP")),
    "amylase": ("JY0702", "血淀粉酶", ("AMY",)),
    "infection": ("JY0801", "术前八项", ("HBSAG", "HCVAB", "HIVAB", "TPAB")),
    "urine": ("JY0901", "尿常规", ("UPRO", "ULEU")),
}
TEST_PANEL = {code: panel for panel, (_, _, codes) in PANELS.items() for code in codes}

# Analysers: blood counts run on one of the first list, everything else on one of the second. A test named in UNITS is
# reported by that analyser in another unit (value = catalogue value x factor). These rows are valid.
HAEMATOLOGY = ("XN-9100", "BC-7500", "XN-550急诊")
CHEMISTRY = ("AU5831", "cobas c702", "VITROS5600急诊")
UNITS: dict[str, dict[str, tuple[str, float, int]]] = {
    "XN-550急诊": {"HGB": ("g/dL", 0.1, 1)},
    "VITROS5600急诊": {"GLU": ("mg/dL", 18.0182, 0), "CREA": ("mg/dL", 1 / 88.42, 2)},
}
