"""Remarks of the follow-up team: short, spoken, full of people and telephone numbers."""

from __future__ import annotations

from random import Random

from include.sample_hospital.course import Contact
from include.sample_hospital.note_context import NoteContext
from include.sample_hospital.spans import Text, written_date

_GOOD = (
    "电话联系患者{honor}，一般情况好，无不适，{next_visit}回院复查。",
    "患者本人接听，诉患侧上肢轻度水肿，内分泌药物规律服用，近期复查（{recently}）未见异常。",
    "{relation}{contact}代接电话，称患者目前在{city}居住，恢复良好，已恢复轻体力劳动。",
    "微信随访（微信号{wechat}），患者发来{outside}复查结果：B超、肿瘤标志物正常。",
    "患者现住{street}，电话更改为{contact_phone}，服药依从性可，潮热明显。",
    "门诊随访，KPS 90分，切口愈合好，无骨痛、咳嗽。下次随访{next_visit}。",
    "首次拨打{mobile}无人接听，{recently}再次拨打接通，患者诉无特殊不适。",
    "患者诉关节酸痛，建议查骨密度，必要时来院找{doctor}医生调整药物。",
    "家属{contact}（{contact_relation}）接听，手机{contact_phone}，患者外出，情况良好。",
)
_RELAPSE = (
    "患者诉近{duration}腰背部疼痛，{recently}于{outside}查骨扫描提示异常，建议回院。",
    "{relation}{contact}告知：{recently}CT提示{site}新发病灶，已入住我院{department}。",
    "患者在{outside}就诊，主诊{outside_doctor}医生，考虑{site}转移，正行治疗，联系电话{landline}。",
    "接听者为{relation}{contact}，称患者{site}病灶治疗后稳定，继续口服药物，下次随访{next_visit}。",
)
_DEATH = (
    "{relation}{contact}（{contact_phone}）告知患者已于{died}在家中去世，死因：多器官功能衰竭。",
    "家属{contact}接听，患者于{died}病逝于{outside}，深表慰问，终止随访。",
    "拨打{mobile}，由家属接听，患者{died}因呼吸衰竭死亡。",
)
_LOST = (
    "拨打{mobile}为空号，联系人{contact}电话{contact_phone}停机，失访。",
    "三次拨打（{recently}起）均无人接听，按地址{home}寄信未回。",
    "号码{mobile}已非本人使用，接听者称不认识{name}。",
)


def write(rng: Random, contact: Contact, context: NoteContext) -> Text:
    """Return the remark of one contact."""
    context.extra["site"] = contact.site or "肺"
    if contact.death is not None:
        context.extra["died"] = written_date(rng, contact.death, short_allowed=False)
        return Text().fill(rng.choice(_DEATH), context)
    if contact.status == "失访":
        return Text().fill(rng.choice(_LOST), context)
    return Text().fill(rng.choice(_RELAPSE if contact.status in ("复发", "转移") else _GOOD), context)
