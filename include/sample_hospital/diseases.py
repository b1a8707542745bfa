"""Common diseases with their national ICD-10 codes, who gets them, what they do to laboratory values and how they are
treated.
"""

# ruff: noqa: E501  (one disease, one line)
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Disease:
    """One disease. ``weights`` are relative frequencies in the age bands 0-17, 18-39, 40-64, 65+; ``sex`` is M, F or
    empty; ``inpatient`` and ``emergency`` are shares of its first encounters; ``effects`` multiply laboratory
    values.
    """

    code: str
    name: str
    sex: str
    weights: tuple[float, float, float, float]
    chronic: bool
    department: str
    inpatient: float
    emergency: float
    panels: tuple[str, ...]
    effects: dict[str, float]
    drugs: tuple[str, ...]
    imaging: tuple[str, str] | None
    operation: tuple[str, str, str] | None
    complaints: tuple[str, ...]
    restricted: bool = False  # level 5 of GB/T 39725: HIV, sexually transmitted disease


# code|name|sex|weights|c(hronic)/a(cute)|department|inpatient|emergency|panels|effects|drugs|imaging|operation(code/name/level)|complaints
_ROWS = """
I10.x00|高血压病||0 6 40 55|c|心血管内科|.10|.04|kidney electrolytes lipids|UA=1.1|amlodipine valsartan nifedipine||| 反复头晕/发现血压升高/头胀痛
E11.900|2型糖尿病||0 4 26 32|c|内分泌科|.14|.02|glucose hba1c kidney lipids urine|GLU=1.75 HBA1C=1.5 TG=1.3|metformin gliclazide acarbose||| 口干多饮多尿/发现血糖升高/体重下降
E11.200|2型糖尿病肾病||0 1 5 9|c|内分泌科|.30|.02|glucose hba1c kidney urine|GLU=1.8 HBA1C=1.55 CREA=1.6 UREA=1.5 ALB=.88|insulin dapagliflozin||| 双下肢浮肿/泡沫尿
E78.500|高脂血症||0 5 18 18|c|心血管内科|.02|0|lipids liver|TC=1.35 TG=1.6 LDL=1.4|atorvastatin rosuvastatin||| 体检发现血脂升高
I25.103|冠状动脉粥样硬化性心脏病||0 1 12 26|c|心血管内科|.35|.12|cardiac lipids cbc coagulation|LDL=1.2 CTNI=1.5|aspirin atorvastatin metoprolol clopidogrel|CT 胸部|| 反复胸闷/活动后胸痛/心前区闷痛
I48.x00|心房颤动||0 0 3 10|c|心血管内科|.25|.15|coagulation thyroid electrolytes|INR=1.5 BNP=3|warfarin metoprolol||| 反复心悸/心慌
I50.900|心力衰竭||0 0 3 11|c|心血管内科|.60|.25|cardiac electrolytes kidney cbc|BNP=9 CREA=1.25 NA=.98|furosemide spironolactone metoprolol|DR 胸部|| 活动后气促/夜间阵发性呼吸困难/双下肢浮肿
I63.900|脑梗死||0 1 8 20|a|神经内科|.75|.30|cbc coagulation lipids glucose|FIB=1.2 LDL=1.2|aspirin clopidogrel atorvastatin|MR 颅脑|| 突发右侧肢体乏力/言语不清/口角歪斜
G20.x00|帕金森病||0 0 1 5|c|神经内科|.08|0|cbc liver||levodopa||| 肢体震颤/动作迟缓
G30.900|阿尔茨海默病||0 0 0 4|c|神经内科|.10|0|cbc thyroid||donepezil|MR 颅脑|| 记忆力下降
J18.900|肺炎||10 5 8 18|a|呼吸内科|.55|.30|cbc crp pct electrolytes|WBC=1.6 NEUTP=1.25 CRP=9 PCT=6|ceftriaxone azithromycin ambroxol levofloxacin|CT 胸部|| 发热、咳嗽/咳嗽、咳痰/咳黄痰伴发热
J44.100|慢性阻塞性肺病伴有急性加重||0 0 6 22|c|呼吸内科|.60|.25|cbc crp electrolytes|WBC=1.35 CRP=4 HGB=1.05|budesonide tiotropium ambroxol|CT 胸部|| 反复咳嗽、咳痰/活动后气促
J45.900|支气管哮喘||7 5 6 4|c|呼吸内科|.15|.25|cbc|WBC=1.1|budesonide salbutamol montelukast||| 反复喘息/发作性胸闷、喘息
J06.900|急性上呼吸道感染||45 22 14 9|a|全科医学科|.01|.35|cbc crp|WBC=1.2 CRP=2.5|ibuprofen ambroxol loratadine||| 发热、咽痛/鼻塞、流涕/咽痛
J20.900|急性支气管炎||16 6 7 7|a|呼吸内科|.05|.20|cbc crp|CRP=3 WBC=1.2|ambroxol azithromycin||| 咳嗽/咳嗽、咳痰
A09.900|胃肠炎||12 8 5 4|a|消化内科|.06|.50|cbc electrolytes|WBC=1.3 K=.93|ors levofloxacin||| 腹痛、腹泻/呕吐、腹泻
K29.500|慢性胃炎||2 16 20 13|c|消化内科|.05|.04|cbc liver||omeprazole amoxicillin clarithromycin||| 反复上腹胀痛/反酸、嗳气
K25.900|胃溃疡||0 3 6 5|a|消化内科|.30|.10|cbc liver|HGB=.9|omeprazole pantoprazole||| 上腹隐痛/黑便
K21.000|胃食管反流病伴食管炎||0 5 7 5|c|消化内科|.02|0|liver||omeprazole||| 反酸、烧心
K80.200|胆囊结石||0 5 12 10|a|肝胆外科|.55|.20|liver amylase cbc coagulation infection|ALT=1.6 GGT=1.9 TBIL=1.4 WBC=1.2|cefuroxime|US 腹部|51.2300/腹腔镜下胆囊切除术/3| 反复右上腹痛/右上腹胀痛
K85.900|急性胰腺炎||0 2 4 3|a|消化内科|.90|.60|amylase cbc lipids electrolytes liver|AMY=7 WBC=1.6 TG=2 CA=.93|pantoprazole piperacillin|CT 腹部|| 上腹部持续性疼痛/上腹痛伴呕吐
K35.800|急性阑尾炎||5 6 4 2|a|胃肠外科|.92|.70|cbc crp coagulation infection|WBC=1.8 NEUTP=1.3 CRP=5|cefuroxime|CT 腹部|47.0100/腹腔镜下阑尾切除术/2| 转移性右下腹痛/右下腹痛
K74.600|肝硬化||0 1 5 5|c|消化内科|.40|.10|liver coagulation cbc markers|ALB=.75 TBIL=2.2 PLT=.45 PT=1.3 INR=1.35 AFP=1.4|furosemide spironolactone entecavir|US 腹部|| 腹胀/乏力、纳差
B18.100|慢性乙型病毒性肝炎||0 6 9 4|c|感染科|.06|0|liver infection markers|ALT=1.8 AST=1.6|entecavir|US 腹部|| 乏力/体检发现乙肝表面抗原阳性
K40.900|腹股沟疝||4 1 3 6|a|胃肠外科|.85|.08|cbc coagulation infection|||US 腹股沟|53.0502/单侧腹股沟疝修补术/2| 发现腹股沟区可复性肿物
N18.900|慢性肾脏病||0 2 6 9|c|肾内科|.30|.04|kidney electrolytes cbc urine|CREA=3.2 UREA=2.4 K=1.12 HGB=.78 CA=.94|furosemide iron calcium|US 泌尿系|| 双下肢浮肿/乏力、纳差
N20.100|输尿管结石||0 6 8 3|a|泌尿外科|.35|.60|urine kidney cbc|CREA=1.15 WBC=1.15|ibuprofen|CT 泌尿系|56.0x00/经尿道输尿管镜碎石取石术/3| 突发左腰部绞痛/右腰痛伴血尿
N39.000|泌尿道感染||3 8 7 9|a|肾内科|.10|.20|urine cbc crp|WBC=1.25 CRP=3|levofloxacin||| 尿频、尿急、尿痛
N40.x00|前列腺增生|M|0 0 14 42|c|泌尿外科|.18|.03|psa urine kidney|PSA=1.9|tamsulosin finasteride|US 泌尿系|60.2901/经尿道前列腺电切术/3| 进行性排尿困难/夜尿增多
M10.900|痛风|M|0 6 10 7|c|风湿免疫科|.05|.10|kidney crp|UA=1.45 CRP=3|febuxostat celecoxib||| 反复右足第一跖趾关节肿痛
M51.202|腰椎间盘突出||0 7 13 9|c|骨科|.22|.02|cbc crp||celecoxib|MR 腰椎|80.5108/椎间盘切除术/3| 腰痛伴左下肢放射痛/反复腰痛
M17.900|膝关节病||0 0 9 18|c|骨科|.15|0|cbc crp||celecoxib|DR 膝关节|81.5401/全膝关节置换术/4| 双膝关节疼痛/上下楼膝痛
M81.900|骨质疏松||0 0 5 16|c|骨科|.06|0|electrolytes||calcium alendronate|DR 腰椎|| 腰背痛
S72.000|股骨颈骨折||0 0 1 9|a|骨科|.95|.80|cbc coagulation infection|HGB=.88 DDIM=4|heparin celecoxib|DR 髋关节|81.5201/人工股骨头置换术/4| 跌倒致右髋部疼痛、活动受限
S52.500|桡骨下端骨折||6 3 4 7|a|骨科|.35|.80|cbc coagulation||celecoxib|DR 腕关节|79.3200/桡骨骨折切开复位内固定术/3| 摔伤致左腕肿痛
S06.000|脑震荡||4 3 3 3|a|神经外科|.25|.90|cbc||| CT 颅脑|| 头部外伤后头痛、头晕
D50.900|缺铁性贫血||3 9 6 5|a|血液内科|.10|.02|cbc|HGB=.68 MCV=.82 PLT=1.15|iron||| 乏力/面色苍白
E05.900|甲状腺毒症||0 6 5 2|c|内分泌科|.06|.02|thyroid cbc liver|TSH=.03 FT3=2.5 FT4=2.3|methimazole metoprolol|US 甲状腺|| 心悸、多汗/消瘦
E03.900|甲状腺功能减退症||0 5 8 6|c|内分泌科|.01|0|thyroid lipids|TSH=5 FT4=.65 TC=1.2|levothyroxine|US 甲状腺|| 乏力、怕冷
E04.101|甲状腺结节||0 7 14 8|c|甲状腺外科|.12|0|thyroid infection coagulation||| US 甲状腺|06.2x01/单侧甲状腺叶切除术/3| 体检发现甲状腺结节
H25.900|老年性白内障||0 0 3 20|a|眼科|.55|0|cbc coagulation infection glucose||eyedrops||13.4101/白内障超声乳化抽吸术/3| 双眼视物模糊
H10.900|结膜炎||8 6 4 3|a|眼科|0|.15|||eyedrops||| 双眼红、痒
L20.900|特应性皮炎||12 5 3 2|c|皮肤科|0|.01|||loratadine||| 皮肤瘙痒
B02.900|带状疱疹||0 2 5 8|a|皮肤科|.12|.05|cbc||acyclovir||| 胸背部疼痛、水疱
L50.900|荨麻疹||8 8 5 3|a|皮肤科|.01|.40|cbc||loratadine prednisone||| 全身风团伴瘙痒
F32.900|抑郁发作||1 6 5 3|c|心理科|.04|0|thyroid liver||escitalopram zopiclone||| 情绪低落/兴趣减退
G47.000|失眠||0 8 12 12|c|心理科|0|0|||zopiclone||| 入睡困难
C34.900|支气管或肺恶性肿瘤||0 0 5 10|c|肿瘤内科|.70|.03|markers cbc liver kidney|CEA=4 HGB=.92|carboplatin paclitaxel ondansetron|CT 胸部|| 咳嗽、痰中带血/体检发现肺部占位
C18.900|结肠恶性肿瘤||0 0 4 7|c|胃肠外科|.75|.03|markers cbc liver coagulation infection|CEA=6 HGB=.82|capecitabine|CT 腹部|45.7300/右半结肠根治性切除术/4| 大便性状改变/便血
C73.x00|甲状腺恶性肿瘤||0 3 4 1|a|甲状腺外科|.85|0|thyroid coagulation infection cbc||levothyroxine|US 甲状腺|06.4x00/甲状腺全部切除术/3| 发现颈前肿物
D24.x00|乳房良性肿瘤|F|1 12 8 1|a|乳腺外科|.35|0|cbc coagulation infection|||US 乳腺|85.2100/乳房病损局部切除术/2| 发现乳房肿物
N60.100|乳腺囊性增生病|F|0 12 11 1|c|乳腺外科|0|0|sex_hormones||| US 乳腺|| 经前乳房胀痛
D25.900|子宫平滑肌瘤|F|0 7 16 2|a|妇科|.45|.02|cbc ca125 coagulation infection|HGB=.85|iron|US 盆腔|68.2901/子宫病损切除术/3| 月经量增多/体检发现子宫肌瘤
N76.000|急性阴道炎|F|1 16 9 2|a|妇科|0|.03|urine||metronidazole||| 白带异常
N92.000|月经过多伴有规则周期|F|2 10 8 0|a|妇科|.05|.03|cbc coagulation|HGB=.82|progesterone iron|US 盆腔|| 月经量多
E28.200|多囊卵巢综合征|F|1 8 1 0|c|妇科|0|0|sex_hormones glucose|TG=1.2 GLU=1.08|progesterone metformin|US 盆腔|| 月经稀发
O80.900|单胎顺产|F|0 0 0 0|a|产科|1|.20|cbc coagulation infection|HGB=.88 WBC=1.4 DDIM=4 ALP=1.8||US 产科|73.5900/手法助产/1| 停经39周，下腹阵痛
O82.900|经剖宫产术的分娩|F|0 0 0 0|a|产科|1|.10|cbc coagulation infection|HGB=.86 WBC=1.4 DDIM=4.5|cefuroxime|US 产科|74.1x01/子宫下段横切口剖宫产术/3| 停经38周，要求剖宫产
Z34.900|正常妊娠监督|F|0 0 0 0|c|产科|0|0|cbc urine hcg thyroid glucose|HGB=.91 HCG=9000 WBC=1.2|folic iron calcium|US 产科|| 停经后定期产检
Z21.x00|无症状人类免疫缺陷病毒感染||0 2 1 .3|c|感染科|.05|0|infection cbc liver|LYMPH=.7|arv||| 体检发现HIV抗体阳性
B20.900|人类免疫缺陷病毒病||0 1 1 .3|c|感染科|.60|.05|infection cbc liver crp|WBC=.75 HGB=.85|arv||| 反复发热、消瘦
A53.900|梅毒||0 2 1.5 .6|a|皮肤科|.03|0|infection cbc||penicillinb||| 发现梅毒抗体阳性/外阴无痛性溃疡
"""

BANDS = (18, 40, 65)
RESTRICTED = ("Z21", "B20", "A53")


def band(age: int) -> int:
    return sum(age >= edge for edge in BANDS)


def _parse(row: str) -> Disease:
    (
        code,
        name,
        sex,
        weights,
        kind,
        department,
        inpatient,
        emergency,
        panels,
        effects,
        drugs,
        imaging,
        operation,
        said,
    ) = row.split("|")
    modality, _, part = imaging.strip().partition(" ")
    operation_parts = operation.split("/")
    four = [float(weight) for weight in weights.split()]
    return Disease(
        code=code,
        name=name,
        sex=sex,
        weights=(four[0], four[1], four[2], four[3]),
        chronic=kind == "c",
        department=department,
        inpatient=float(inpatient),
        emergency=float(emergency),
        panels=tuple(panels.split()),
        effects={part.split("=")[0]: float(part.split("=")[1]) for part in effects.split()},
        drugs=tuple(drugs.split()),
        imaging=(modality, part) if modality else None,
        operation=(operation_parts[0], operation_parts[1], operation_parts[2]) if operation.strip() else None,
        complaints=tuple(said.strip().split("/")),
        restricted=code[:3] in RESTRICTED,
    )


DISEASES: tuple[Disease, ...] = tuple(_parse(row) for row in _ROWS.strip().splitlines())
BY_CODE: dict[str, Disease] = {disease.code: disease for disease in DISEASES}
PREGNANCY = tuple(BY_CODE[code] for code in ("Z34.900", "O80.900", "O82.900"))
