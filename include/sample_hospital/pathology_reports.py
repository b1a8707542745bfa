"""Pathology reports: gross description, diagnosis and immunohistochemistry, with the identifiers that find their way
into them.
"""

# ruff: noqa: E501  (report sentences are kept whole)
from __future__ import annotations

from random import Random

from include.sample_hospital import ihc
from include.sample_hospital.breast_cancer import BreastCancer
from include.sample_hospital.course import Pathology
from include.sample_hospital.note_context import NoteContext
from include.sample_hospital.spans import Text

_GRADE = {1: "Ⅰ", 2: "Ⅱ", 3: "Ⅲ"}
_REMARKS = (
    "",
    "",
    "",
    "\n本例经{senior}主任医师复阅。",
    "\n备注：结果已于{today}电话告知临床{doctor}医生。",
    "\n结合{outside}会诊切片（原病理号{pathology_no}），诊断一致。",
    "\n注：患者{name}，请结合临床及影像学检查。",
    "\n会诊意见：{outside_doctor}教授阅片，同意上述诊断。",
    "\n家属{contact}（电话{contact_phone}）已借阅切片3张。",
    "\n补充报告日期：{today}。报告医师：{assistant}",
)
_BENIGN = {
    "疝": "（疝囊）纤维脂肪组织，局部间皮增生，慢性炎症细胞浸润，未见恶性证据。",
    "胆囊": "（胆囊）慢性胆囊炎急性发作，胆囊结石，局部黏膜糜烂，未见异型增生。",
    "阑尾": "（阑尾）急性化脓性阑尾炎伴阑尾周围炎，阑尾腔内见粪石。",
    "甲状腺": "（甲状腺）结节性甲状腺肿伴腺瘤样增生，局灶见淋巴细胞聚集，未见恶性证据。",
    "子宫": "（子宫）平滑肌瘤，部分区玻璃样变，核分裂象<1个/10HPF。",
    "乳房": "（乳房）纤维腺瘤，周围乳腺组织呈腺病改变，未见癌。",
    "结肠": "（结肠）中分化腺癌，浸润至浆膜下层，脉管内见癌栓，上下切缘净，肠周淋巴结见癌转移（2/16）。",
    "前列腺": "（前列腺）良性前列腺增生，局灶慢性炎，未见癌。",
}


def _gross(rng: Random, case: Pathology, tumour: BreastCancer | None) -> str:
    if tumour is None or case.kind == "benign":
        a, b = rng.randint(2, 9), rng.randint(1, 4)
        return rng.choice(
            (
                f"送检组织一块，大小{a}cm×{b}cm×{b - 0.5 if b > 1 else 0.5}cm，切面灰白灰红，质中。",
                f"灰红色不规则组织一堆，总体积{a}cm×{b}cm×1cm，全埋制片。",
                f"（{case.specimen}）标本一个，{a}cm×{b}cm×{b}cm，表面光滑，切开见灰黄色内容物。",
            )
        )
    if case.kind in ("biopsy", "fish", "recurrence"):
        return rng.choice(
            (
                f"灰白色穿刺组织{rng.randint(3, 6)}条，长0.6～1.5cm，直径0.1cm，全埋。",
                f"（{case.specimen}）条索状组织{rng.randint(3, 8)}条，最长1.8cm，全取。",
                f"送检穿刺组织{rng.randint(4, 6)}条，灰白灰黄，质韧。",
            )
        )
    size = tumour.size_mm / 10
    return rng.choice(
        (
            f"（{tumour.side}乳）改良根治标本，大小{rng.randint(16, 24)}cm×{rng.randint(11, 16)}cm×3.5cm，皮瓣面积16cm×7cm，乳头未见凹陷。"
            f"{tumour.quadrant}见一灰白色肿物，大小{size:.1f}cm×{size * 0.8:.1f}cm×{size * 0.7:.1f}cm，边界不清，质硬。\n腋窝脂肪组织一堆，触及结节{tumour.nodes_examined}枚，直径0.3～2cm。",
            f"{tumour.side}侧乳腺切除标本一个，于{tumour.quadrant}距乳头{rng.randint(2, 5)}cm处见肿物，最大径{size:.1f}cm，切面灰白，呈星芒状浸润。\n另送腋窝淋巴结{tumour.nodes_examined}枚。",
        )
    )


def _cancer_diagnosis(rng: Random, case: Pathology, tumour: BreastCancer) -> str:
    side = tumour.side
    if case.kind == "fish":
        return f"（{side}乳肿物穿刺）补充报告：{tumour.histology}，HER2免疫组化2+，行FISH检测，结果见下。"
    if case.kind == "biopsy":
        return rng.choice(
            (
                f"（{side}乳肿物穿刺活检）{tumour.histology}，组织学分级{_GRADE[tumour.grade]}级。",
                f"（{side}乳穿刺组织）符合{tumour.histology}，{_GRADE[tumour.grade]}级，建议行免疫组化进一步分型。",
                f"{side}乳{tumour.quadrant}肿物穿刺：乳腺{tumour.histology}（Nottingham {_GRADE[tumour.grade]}级）。",
            )
        )
    if case.kind == "recurrence":
        return f"（{case.specimen}）查见癌，结合病史及免疫组化，符合乳腺癌{rng.choice(('转移', '复发/转移'))}。"
    nodes = f"{tumour.nodes_positive}/{tumour.nodes_examined}"
    node_text = (
        rng.choice(
            (
                f"腋窝淋巴结未见癌转移（0/{tumour.nodes_examined}）",
                f"（前哨）淋巴结{tumour.nodes_examined}枚，均未见癌（0/{tumour.nodes_examined}）",
            )
        )
        if tumour.nodes_positive == 0
        else rng.choice((f"腋窝淋巴结见癌转移（{nodes}）", f"同侧腋窝淋巴结{nodes}见癌转移"))
    )
    effect = f"\n新辅助化疗后改变，Miller-Payne {rng.randint(2, 4)}级。" if tumour.neoadjuvant else ""
    prefix = "yp" if tumour.neoadjuvant else "p"
    stage = (
        f"\n病理分期：{prefix}{tumour.t}{tumour.n}{tumour.m if tumour.m == 'M1' else 'Mx'}（AJCC第8版）。"
        if rng.random() < 0.7
        else ""
    )
    vessel = rng.choice(("脉管内见癌栓", "未见明确脉管癌栓", "神经未见侵犯"))
    return (
        f"（{side}乳）{tumour.histology}，组织学分级{_GRADE[tumour.grade]}级，肿瘤大小{tumour.size_mm / 10:.1f}cm，{vessel}，"
        f"乳头、皮肤及基底切缘未见癌。\n{node_text}。{effect}{stage}"
    )


def write(rng: Random, case: Pathology, tumour: BreastCancer | None, context: NoteContext) -> tuple[Text, Text, Text]:
    """Return (gross description, diagnosis, immunohistochemistry) of a case."""
    gross = Text().add(_gross(rng, case, tumour))
    diagnosis, stain = Text(), Text()
    if rng.random() < 0.15:
        gross.fill(
            rng.choice(
                ("送检单：{name}，{sex}，{age}，住院号{admission_no}。", "标本袋标注“{name} {bed}”，与申请单相符。")
            ),
            context,
        )
    if tumour is None or case.kind == "benign":
        found = next(
            (text for part, text in _BENIGN.items() if part in case.specimen), "送检组织慢性炎症改变，未见恶性证据。"
        )
        diagnosis.add(found)
    else:
        diagnosis.add(_cancer_diagnosis(rng, case, tumour))
        block = rng.choice(("A3", "B2", "1-4", "蜡块5"))
        if case.kind == "fish":
            stain.add(
                ihc.fish(rng, tumour.fish_ratio or 1.0, tumour.fish_copies or 2.0, tumour.her2_status == "positive")
                + "。"
            )
        else:
            stain.add(ihc.panel(rng, tumour, block, with_fish=case.kind == "surgery" and tumour.fish_ratio is not None))
    diagnosis.fill(rng.choice(_REMARKS), context)
    return gross, diagnosis, stain
