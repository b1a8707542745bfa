"""Imaging reports: findings and impression for the modalities that the hospital exports."""

# ruff: noqa: E501  (report sentences are kept whole)
from __future__ import annotations

from random import Random

from include.sample_hospital.breast_cancer import BreastCancer
from include.sample_hospital.course import Study
from include.sample_hospital.note_context import NoteContext
from include.sample_hospital.spans import Text

_TAILS = (
    "",
    "",
    "",
    "",
    "与{recently}片比较，变化不明显。",
    "对比{long_ago}旧片，病灶大致同前。",
    "请结合临床。危急值已于{now}电话报告{doctor}医生。",
    "外院（{outside}）旧片未提供，建议对比。",
    "检查时患者{name}由家属{contact}陪同，已告知注意事项。",
    "临床申请医师：{doctor}。",
    "建议定期复查，预约电话{landline}。",
)
_GENERAL: dict[str, tuple[tuple[str, str], ...]] = {
    "CT 胸部": (
        (
            "双肺纹理增粗，右肺下叶见斑片状密度增高影，边界模糊，内见支气管充气征。气管及主要支气管通畅，纵隔未见肿大淋巴结。",
            "右肺下叶炎症，建议治疗后复查。",
        ),
        ("双肺透亮度增高，散在肺大泡，两肺下叶少许条索影。主动脉及冠状动脉壁钙化。", "慢支、肺气肿；冠状动脉钙化。"),
        (
            "右肺上叶见分叶状软组织肿块，大小约3.2cm×2.6cm，边缘毛刺，邻近胸膜牵拉。纵隔4R区淋巴结增大。",
            "右肺上叶占位，考虑周围型肺癌可能，建议进一步检查。",
        ),
    ),
    "CT 腹部": (
        ("阑尾增粗，直径约1.1cm，腔内见粪石影，周围脂肪间隙模糊。肝胆胰脾未见异常密度影。", "考虑急性阑尾炎。"),
        ("胰腺体积增大，边缘模糊，周围见渗出影，左侧肾前筋膜增厚。Balthazar D级。", "急性胰腺炎。"),
        ("升结肠肠壁不规则增厚，增强明显强化，周围见数枚小淋巴结。肝内未见转移灶。", "升结肠占位，考虑结肠癌。"),
    ),
    "CT 颅脑": (
        ("脑实质内未见异常密度影，脑室系统大小形态正常，中线结构居中。颅骨未见骨折。", "颅脑CT平扫未见明显异常。"),
    ),
    "CT 泌尿系": (
        ("左侧输尿管下段见结节状高密度影，直径约0.6cm，其上方输尿管及肾盂扩张积水。", "左侧输尿管下段结石并左肾积水。"),
    ),
    "MR 颅脑": (
        (
            "左侧基底节区见斑片状DWI高信号，ADC图呈低信号。双侧脑室旁散在缺血灶，脑沟增宽。Willis环显示清。",
            "左侧基底节区急性脑梗死；脑白质疏松。",
        ),
        ("双侧海马体积缩小，颞角扩大，脑沟裂增宽，未见急性梗死灶。", "脑萎缩，以海马为著。"),
    ),
    "MR 腰椎": (
        ("腰椎生理曲度变直，L4/5椎间盘向后突出，硬膜囊受压，双侧侧隐窝狭窄。Schmorl结节。", "L4/5椎间盘突出。"),
    ),
    "US 腹部": (
        (
            "胆囊大小7.5cm×3.1cm，壁厚0.4cm，腔内见多个强回声团，后伴声影，Murphy征阳性。肝实质回声均匀。",
            "胆囊多发结石，胆囊炎。",
        ),
        ("肝表面欠光滑，实质回声增粗，门静脉内径1.4cm，脾厚5.1cm。腹腔见液性暗区。", "肝硬化，脾大，腹水。"),
    ),
    "US 泌尿系": (
        ("前列腺大小5.2cm×4.6cm×4.3cm，内部回声不均，残余尿约85ml。双肾实质回声稍增强。", "前列腺增生，残余尿增多。"),
    ),
    "US 盆腔": (
        (
            "子宫前位，前壁肌层见低回声结节，大小3.8cm×3.5cm，边界清，CDFI示周边环状血流。双附件区未见异常。",
            "子宫肌瘤。",
        ),
    ),
    "US 产科": (("宫内见单胎，胎心145次/分，双顶径、股骨长与孕周相符，羊水指数12cm，胎盘Ⅰ级。", "宫内妊娠，单活胎。"),),
    "US 甲状腺": (
        (
            "甲状腺左叶见低回声结节，大小0.9cm×0.7cm，纵横比>1，边界欠清，内见点状强回声。",
            "甲状腺左叶结节，TI-RADS 4b类。",
        ),
    ),
    "US 乳腺": (
        (
            "右乳10点方向见低回声结节，大小1.6cm×0.9cm，边界清，形态规则，CDFI未见明显血流。双腋下未见肿大淋巴结。",
            "右乳实性结节，BI-RADS 3类。",
        ),
    ),
    "US 腹股沟": (("右侧腹股沟区见混合回声包块，Valsalva动作时增大，可见肠管蠕动。", "右侧腹股沟斜疝。"),),
    "DR 胸部": (
        ("双肺野清晰，心影不大，双膈面光滑，肋膈角锐利。", "心肺膈未见明显异常。"),
        ("心影增大，双肺门影增浓，双侧肋膈角变钝。", "心影增大，肺淤血，双侧少量胸腔积液。"),
    ),
    "DR 膝关节": (("双膝关节间隙变窄，胫骨髁间隆突变尖，髌骨上缘骨质增生。", "双膝关节退行性变。"),),
    "DR 腰椎": (("腰椎骨质密度减低，L1椎体轻度楔形变。", "骨质疏松；L1椎体压缩性改变。"),),
    "DR 髋关节": (("右股骨颈骨皮质不连续，断端嵌插，Shenton线不连续。", "右股骨颈骨折（Garden Ⅲ型）。"),),
    "DR 腕关节": (("左桡骨远端骨皮质断裂，断端向背侧移位，Colles骨折改变。", "左桡骨远端骨折。"),),
}


def _breast(rng: Random, modality: str, tumour: BreastCancer) -> tuple[str, str]:
    side, clock = tumour.side, rng.randint(1, 12)
    size, category = (
        tumour.size_mm / 10,
        rng.choice(("4c", "5", "5")) if tumour.t != "T1" else rng.choice(("4b", "4c", "5")),
    )
    written = rng.choice(
        (
            f"BI-RADS {category}类",
            f"BI-RADS：{category}",
            f"BI-RADS分类{category}类",
            f"BI-RADS-US {category}类" if modality == "US" else f"BI-RADS {category}",
        )
    )
    armpit = "腋窝见肿大淋巴结，皮质增厚，门结构消失" if tumour.n != "N0" else "腋下未见明显异常肿大淋巴结"
    if modality == "US":
        findings = (
            f"{side}乳{clock}点方向距乳头{rng.randint(1, 5)}cm处见低回声团块，大小约{size:.1f}cm×{size * 0.7:.1f}cm，形态不规则，边界不清，"
            f"边缘呈毛刺状，纵横比>1，内见点状强回声，CDFI：可见较丰富血流信号，RI 0.7{rng.randint(1, 9)}。{side}侧{armpit}。"
        )
        return findings, f"{side}乳实性占位，考虑乳腺癌，{written}。"
    if modality == "MG":
        findings = (
            f"双乳呈{rng.choice(('b型（散在纤维腺体型）', 'c型（不均匀致密型）', 'd型（致密型）'))}，{side}乳{tumour.quadrant}见高密度肿块影，大小约{size:.1f}cm，边缘毛刺，"
            f"内见成簇细小多形性钙化。{side}乳皮肤{'增厚' if tumour.t == 'T4' else '未见增厚'}，{armpit}。"
        )
        return findings, f"{side}乳{tumour.quadrant}肿块伴钙化，{written}，建议穿刺活检。"
    findings = (
        f"双乳腺体呈中度背景强化，{side}乳{tumour.quadrant}见不规则肿块，大小约{size:.1f}cm×{size * 0.8:.1f}cm，DWI呈高信号，ADC值0.8{rng.randint(1, 9)}×10-3mm2/s，"
        f"TIC呈{rng.choice(('Ⅱ', 'Ⅲ'))}型。{side}侧{armpit}。"
    )
    return findings, f"{side}乳{tumour.quadrant}占位，符合乳腺癌表现，{written}；临床分期c{tumour.t}{tumour.n}。"


def _metastasis(rng: Random, site: str) -> tuple[str, str]:
    if site == "骨":
        return "胸腰椎多个椎体及右侧髂骨见溶骨性骨质破坏，边界不清。", "多发骨质破坏，结合乳癌病史，考虑骨转移。"
    if site == "脑":
        return f"右侧额叶见环形强化结节，直径约{rng.randint(8, 26) / 10:.1f}cm，周围水肿明显。", "颅内转移瘤。"
    if site == "肝":
        return f"肝内见多发低密度结节，较大者位于S{rng.randint(4, 8)}，增强呈牛眼征。", "肝多发转移瘤。"
    if site in ("胸壁", "锁骨上淋巴结"):
        return (
            f"{site}区见软组织结节，大小约{rng.randint(10, 28) / 10:.1f}cm，增强明显强化。",
            f"{site}结节，考虑复发。",
        )
    return "双肺见多发大小不等结节影，较大者约1.4cm，边缘清楚。", "双肺多发转移瘤。"


def write(rng: Random, study: Study, tumour: BreastCancer | None, context: NoteContext) -> tuple[Text, Text]:
    """Return (findings, impression) of a study, each on one line."""
    if study.finding == "breast" and tumour is not None:
        findings, impression = _breast(rng, study.modality, tumour)
    elif study.finding == "breast_control" and tumour is not None:
        other = "右" if tumour.side == "左" else "左"
        findings = rng.choice(
            (
                f"{tumour.side}乳术后，术区未见明显异常回声。{other}乳腺体层结构清，未见明显占位。双侧腋窝、锁骨上未见肿大淋巴结。",
                f"{tumour.side}侧胸壁术后改变，未见结节。{other}乳见数个小囊性暗区，较大者0.5cm。",
            )
        )
        impression = f"{tumour.side}乳术后复查，未见复发征象；{other}乳BI-RADS {rng.choice(('1', '2', '2', '3'))}类。"
    elif study.finding == "metastasis" and tumour is not None:
        findings, impression = _metastasis(rng, tumour.recurrence_site)
    else:
        options = _GENERAL.get(
            f"{study.modality} {study.body_part}", (("扫描范围内未见明显异常征象。", "未见明显异常。"),)
        )
        findings, impression = options[0] if study.finding == "normal_chest" else rng.choice(options)
    head = Text()
    if rng.random() < 0.12:
        head.fill(
            rng.choice(
                (
                    "患者{name}，{sex}，{age}。",
                    "检查日期{today}。",
                    "病史：{complaint}。{department}申请。",
                    "{name}，门诊号{visit_no}。",
                )
            ),
            context,
        )
    return head.add(findings), Text().add(impression).fill(rng.choice(_TAILS), context)
