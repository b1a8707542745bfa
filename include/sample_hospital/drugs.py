"""Drugs, by generic name, as the pharmacy lists them, and the price of everything that can be charged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drug:
    """One pharmacy item: usual single ``dose`` in ``dose_unit``, packs per prescription, price per pack in yuan."""

    key: str
    code: str
    name: str
    strength: str
    dose: str
    dose_unit: str
    route: str
    price_cents: int
    packs: int


_ROWS = """
amlodipine|苯磺酸氨氯地平片|5mg*28片|5|mg|口服|2980|1
nifedipine|硝苯地平控释片|30mg*7片|30|mg|口服|2450|4
valsartan|缬沙坦胶囊|80mg*28粒|80|mg|口服|3860|1
metoprolol|琥珀酸美托洛尔缓释片|47.5mg*28片|47.5|mg|口服|3320|1
metformin|盐酸二甲双胍片|0.5g*60片|0.5|g|口服|2260|1
gliclazide|格列齐特缓释片|30mg*60片|60|mg|口服|4120|1
acarbose|阿卡波糖片|50mg*30片|50|mg|口服|3010|2
insulin|甘精胰岛素注射液|3ml:300IU|14|IU|皮下注射|7650|2
dapagliflozin|达格列净片|10mg*30片|10|mg|口服|13120|1
atorvastatin|阿托伐他汀钙片|20mg*28片|20|mg|口服|5240|1
rosuvastatin|瑞舒伐他汀钙片|10mg*28片|10|mg|口服|4480|1
aspirin|阿司匹林肠溶片|100mg*30片|100|mg|口服|1560|1
clopidogrel|硫酸氢氯吡格雷片|75mg*28片|75|mg|口服|8970|1
furosemide|呋塞米片|20mg*100片|20|mg|口服|980|1
spironolactone|螺内酯片|20mg*100片|20|mg|口服|1340|1
warfarin|华法林钠片|2.5mg*60片|2.5|mg|口服|2110|1
omeprazole|奥美拉唑肠溶胶囊|20mg*14粒|20|mg|口服|2840|2
pantoprazole|注射用泮托拉唑钠|40mg|40|mg|静脉滴注|3160|5
amoxicillin|阿莫西林胶囊|0.5g*24粒|0.5|g|口服|1480|2
clarithromycin|克拉霉素片|0.25g*14片|0.5|g|口服|2650|2
cefuroxime|注射用头孢呋辛钠|1.5g|1.5|g|静脉滴注|2870|10
ceftriaxone|注射用头孢曲松钠|2.0g|2|g|静脉滴注|3140|7
levofloxacin|左氧氟沙星片|0.5g*7片|0.5|g|口服|3890|1
azithromycin|阿奇霉素片|0.25g*6片|0.5|g|口服|2420|1
piperacillin|注射用哌拉西林钠他唑巴坦钠|4.5g|4.5|g|静脉滴注|5760|18
ambroxol|盐酸氨溴索口服溶液|100ml|10|ml|口服|1840|1
budesonide|布地奈德福莫特罗吸入粉雾剂|160/4.5ug*60吸|1|吸|吸入|21800|1
tiotropium|噻托溴铵粉吸入剂|18ug*30粒|18|ug|吸入|16400|1
salbutamol|硫酸沙丁胺醇吸入气雾剂|100ug*200揿|100|ug|吸入|2310|1
montelukast|孟鲁司特钠片|10mg*5片|10|mg|口服|3260|2
prednisone|醋酸泼尼松片|5mg*100片|30|mg|口服|1220|1
ibuprofen|布洛芬缓释胶囊|0.3g*20粒|0.3|g|口服|1910|1
celecoxib|塞来昔布胶囊|0.2g*12粒|0.2|g|口服|4210|1
calcium|碳酸钙D3片|600mg*60片|600|mg|口服|6230|1
alendronate|阿仑膦酸钠片|70mg*4片|70|mg|口服|9840|1
febuxostat|非布司他片|40mg*14片|40|mg|口服|6890|1
levothyroxine|左甲状腺素钠片|50ug*100片|50|ug|口服|3120|1
methimazole|甲巯咪唑片|10mg*50片|20|mg|口服|2580|1
tamsulosin|盐酸坦索罗辛缓释胶囊|0.2mg*30粒|0.2|mg|口服|6120|1
finasteride|非那雄胺片|5mg*10片|5|mg|口服|4330|3
iron|琥珀酸亚铁片|0.1g*24片|0.1|g|口服|1760|2
folic|叶酸片|0.4mg*31片|0.4|mg|口服|1180|1
progesterone|黄体酮胶囊|50mg*20粒|100|mg|口服|3560|1
metronidazole|甲硝唑阴道泡腾片|0.2g*14片|0.2|g|阴道给药|1650|1
escitalopram|草酸艾司西酞普兰片|10mg*7片|10|mg|口服|5110|4
zopiclone|右佐匹克隆片|3mg*7片|3|mg|口服|3980|1
loratadine|氯雷他定片|10mg*6片|10|mg|口服|1890|2
eyedrops|玻璃酸钠滴眼液|5ml:5mg|1|滴|滴眼|2990|2
levodopa|多巴丝肼片|0.25g*40片|0.125|g|口服|6340|2
donepezil|盐酸多奈哌齐片|5mg*7片|5|mg|口服|9320|4
entecavir|恩替卡韦分散片|0.5mg*28片|0.5|mg|口服|2140|1
penicillinb|注射用苄星青霉素|240万单位|240|万单位|肌内注射|1980|1
arv|齐多拉米双夫定片|0.3g/0.15g*60片|1|片|口服|100|1
ors|口服补液盐散|5.125g*6袋|1|袋|口服|1440|1
acyclovir|盐酸伐昔洛韦片|0.3g*10片|0.3|g|口服|2360|2
heparin|低分子肝素钠注射液|0.4ml:4000IU|4000|IU|皮下注射|4670|6
saline|0.9%氯化钠注射液|250ml|250|ml|静脉滴注|480|10
doxorubicin|注射用盐酸多柔比星|10mg|60|mg/m2|静脉滴注|6870|10
epirubicin|注射用盐酸表柔比星|10mg|90|mg/m2|静脉滴注|5920|14
cyclophosphamide|注射用环磷酰胺|0.2g|600|mg/m2|静脉滴注|2240|5
paclitaxel|紫杉醇注射液|5ml:30mg|175|mg/m2|静脉滴注|11860|9
nabpaclitaxel|注射用紫杉醇(白蛋白结合型)|100mg|260|mg/m2|静脉滴注|74800|4
docetaxel|多西他赛注射液|0.5ml:20mg|75|mg/m2|静脉滴注|25600|6
carboplatin|卡铂注射液|10ml:100mg|6|AUC|静脉滴注|8240|5
trastuzumab|注射用曲妥珠单抗|440mg|6|mg/kg|静脉滴注|541000|1
pertuzumab|帕妥珠单抗注射液|14ml:420mg|420|mg|静脉滴注|495500|1
tdm1|注射用恩美曲妥珠单抗|160mg|3.6|mg/kg|静脉滴注|612000|2
capecitabine|卡培他滨片|0.5g*12片|1250|mg/m2|口服|18760|7
gemcitabine|注射用盐酸吉西他滨|1.0g|1000|mg/m2|静脉滴注|15420|2
vinorelbine|酒石酸长春瑞滨软胶囊|20mg|60|mg/m2|口服|32500|8
tamoxifen|枸橼酸他莫昔芬片|10mg*60片|20|mg|口服|4210|3
letrozole|来曲唑片|2.5mg*30片|2.5|mg|口服|14300|3
anastrozole|阿那曲唑片|1mg*28片|1|mg|口服|13600|3
exemestane|依西美坦片|25mg*30片|25|mg|口服|21100|3
fulvestrant|氟维司群注射液|5ml:250mg|500|mg|肌内注射|172300|2
goserelin|醋酸戈舍瑞林缓释植入剂|3.6mg|3.6|mg|皮下注射|142000|1
palbociclib|哌柏西利胶囊|125mg*21粒|125|mg|口服|398000|1
pegfilgrastim|聚乙二醇化人粒细胞刺激因子注射液|3mg|6|mg|皮下注射|128000|2
filgrastim|人粒细胞刺激因子注射液|150ug|300|ug|皮下注射|6430|6
ondansetron|盐酸昂丹司琼注射液|4ml:8mg|8|mg|静脉注射|2130|3
dexamethasone|地塞米松磷酸钠注射液|1ml:5mg|10|mg|静脉注射|120|4
glutathione|注射用还原型谷胱甘肽|1.2g|1.2|g|静脉滴注|3870|7
zoledronic|唑来膦酸注射液|100ml:4mg|4|mg|静脉滴注|56800|1
"""


def _load() -> dict[str, Drug]:
    table: dict[str, Drug] = {}
    for number, row in enumerate(_ROWS.strip().splitlines(), start=1):
        key, name, strength, dose, unit, route, price, packs = row.split("|")
        table[key] = Drug(key, f"YP{number:04d}", name, strength, dose, unit, route, int(price), int(packs))
    return table


DRUGS: dict[str, Drug] = _load()

# what is charged beside drugs and laboratory panels: item code -> (name, price in cents, fee class)
SERVICES: dict[str, tuple[str, int, str]] = {
    "GH01": ("普通门诊诊查费", 1000, "诊查费"),
    "GH02": ("主任医师门诊诊查费", 3500, "诊查费"),
    "GH03": ("急诊诊查费", 2000, "诊查费"),
    "CW01": ("三人间床位费", 4650, "床位费"),
    "HL01": ("二级护理", 1800, "护理费"),
    "SS01": ("手术费", 186000, "手术费"),
    "MZ01": ("麻醉费", 92000, "麻醉费"),
    "BL01": ("手术标本病理检查与诊断", 32000, "病理费"),
    "BL02": ("免疫组织化学染色", 15800, "病理费"),
    "JC_US": ("彩色多普勒超声", 13500, "检查费"),
    "JC_MG": ("乳腺钼靶摄影", 21000, "检查费"),
    "JC_MR": ("磁共振平扫+增强", 86000, "检查费"),
    "JC_CT": ("CT平扫", 26800, "检查费"),
    "JC_DR": ("数字化摄影", 7200, "检查费"),
    "FL01": ("三维适形调强放射治疗", 185000, "治疗费"),
}
PANEL_PRICE_CENTS = 1480  # per test of a panel
