"""Tells clinical prose from other text by its words, so that names are looked for with the right caution."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import ahocorasick_rs

from anonymization.lexicon import words
from anonymization.lexicon.medical_terms import DRUGS, FINDINGS

_COMMON: Final = words(
    """
    患者 病人 患儿 产妇 医生 医师 大夫 护士 主任医师 主治 查房 入院 住院 出院 门诊 急诊 转科 转入 就诊 复诊 随访
    病史 主诉 现病史 既往史 个人史 家族史 婚育史 月经史 过敏史 诊断 鉴别诊断 治疗 化疗 放疗 手术 术前 术中 术后 麻醉
    切口 伤口 引流 缝合 换药 拆线 病情 病程 症状 体征 体温 脉搏 呼吸 血压 心率 血糖 血脂 尿量 疼痛 腹痛 头痛 头晕
    头昏 胸痛 胸闷 心悸 气促 气短 咳嗽 咳痰 咯血 发热 发烧 畏寒 恶心 呕吐 腹泻 便秘 腹胀 乏力 纳差 水肿 浮肿 黄疸
    出血 瘀斑 皮疹 瘙痒 感染 炎症 肿瘤 癌 结节 肿块 包块 囊肿 息肉 溃疡 骨折 糖尿病 高血压 冠心病 脑梗 脑出血 肝炎
    乙肝 肝硬化 肾炎 肾病 肺炎 哮喘 支气管炎 结核 胃炎 胆囊炎 阑尾炎 胰腺炎 癫痫 贫血 白血病 甲亢 甲减 痛风 风湿
    关节炎 颈椎 腰椎 心脏 肝脏 肾脏 肺部 胃肠 血管 神经 淋巴 检验 化验 复查 血常规 尿常规 生化 肝功 肾功 心电图 彩超
    超声 超声心动图 CT MRI 核磁 胸片 X线 胃镜 肠镜 病理 活检 抗体 抗原 阳性 阴性 药物 用药 服药 口服 静滴 静脉滴注
    注射 输液 输血 抗生素 激素 胶囊 片剂 颗粒 剂量 疗程 疗效 医嘱 处方 副作用 不良反应 预后 并发症 综合征 综合症
    免疫 康复 患病 发病 病因 病变 大便 小便 神志 瞳孔 皮肤 黏膜 腹部 标本 送检 镜下 肉眼 切面 切开 蜡块 免疫组化
    细胞 浸润 淋巴结 椎间盘 椎体 退变 增生 子宫 肌瘤 附件 卵巢 宫颈 乳腺 前列腺 膀胱 输尿管 胆囊 胆总管 胰腺 脾脏
    甲状腺 主动脉 冠状动脉 静脉 积液 钙化 占位 未见 胎心 胎盘 羊水 顺产 剖宫产 产后 新生儿 母乳 疫苗 接种 空腹 饮酒
    吸烟 戒烟 低盐 低脂 不适 体检 慢性 急性 糖 尿 血 药 病 症 胸部 四肢 双肺 双侧 左侧 右侧 家属 知情同意 吸氧 医院
    """
)


@lru_cache(maxsize=1)
def _automaton() -> ahocorasick_rs.AhoCorasick:
    terms = sorted({*_COMMON, *(term for term in (*DRUGS, *FINDINGS) if len(term) > 1)})
    return ahocorasick_rs.AhoCorasick(terms, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest)


def clinical_shares(text: str, parts: Sequence[tuple[int, int]]) -> list[float]:
    """Return for each part of a text the share of its characters that stand in clinical words (0..1; 0 if empty).

    Parts are in order and apart by at least one character that no clinical word holds.
    """
    found = _automaton().find_matches_as_indexes(text)
    shares: list[float] = []
    index, count = 0, len(found)
    for first, last in parts:
        covered = 0
        while index < count and found[index][1] < last:
            covered += found[index][2] - found[index][1]
            index += 1
        shares.append(covered / (last - first) if last > first else 0.0)
    return shares
