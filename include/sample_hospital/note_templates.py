"""Wording of the inpatient notes. Each name is a section, each line one of its variants; ``{keys}`` are looked up in
NoteContext.
"""

# ruff: noqa: E501  (one template, one line)
from __future__ import annotations

HEADERS = (
    "姓名：{name}    性别：{sex}    年龄：{age}\n民族：{ethnic}    婚姻：{marital}    职业单位：{employer}\n住址：{home}\n联系人：{contact}（{contact_relation}）  电话：{contact_phone}\n入院日期：{admitted}    病史陈述者：{relation}{contact}",
    "患者姓名:{name} 性别:{sex} 年龄:{age} 出生日期:{birth}\n住院号:{admission_no} 病案号:{mrn} 床号:{bed}\n工作单位:{employer} 家庭住址:{home}\n身份证号:{rid} 联系电话:{mobile}\n入院时间:{admitted} 记录时间:{now}",
    "{name}，{sex}，{age}，{ethnic}，{marital}，家住{home}，联系电话{mobile}。因“{complaint}”于{admitted}由门诊收入我科，病史由本人及{relation}{contact}提供，可靠。",
    "【一般情况】{name} {sex} {age} {marital} {ethnic}\n【身份证】{rid}\n【单位】{employer}\n【现住址】{home}\n【联系方式】本人{mobile}；{contact_relation}{contact} {contact_phone}\n【入院】{admitted}  【记录】{today}",
    "科室：{department}  床位：{bed}  住院号：{admission_no}\n患者{name}，{sex}性，{age}，于{admitted}入院，{today}采集病史，供史者：患者本人及{kin}。",
    "姓    名：{name}\n性    别：{sex}\n年    龄：{age}\n住    址：{street}\n联 系 人：{contact}\n联系电话：{contact_phone}\n入院时间：{admitted}",
    "{name} {sex} {age} 住院号{admission_no} 入院日期{admitted} 记录者：{doctor}",
)
COMPLAINTS = (
    "主诉：{complaint}。",
    "主  诉：{complaint}{duration}。",
    "【主诉】{complaint}，加重{duration}。",
    "主诉:{complaint}",
    "主诉：因“{complaint}”入院。",
)
ILLNESS = (
    "现病史：患者{duration}前无明显诱因出现{complaint}，无畏寒、寒战，无恶心、呕吐，{recently}曾到{outside}就诊，予对症处理（具体不详），症状无明显缓解。为进一步诊治来我院，门诊拟“{disease}”收入院。起病以来，精神、睡眠一般，胃纳可，大小便正常，体重无明显变化。",
    "现病史：{calling}{duration}来{complaint}，曾自服药物，效果欠佳。{long_ago}在{outside}住院，当时主管医师{outside_doctor}，诊断“{disease}”，好转出院。近{duration}症状反复，{kin}陪同来诊，急查血常规等后收住院。",
    "【现病史】缘患者于{recently}开始出现{complaint}，呈间断性，劳累后加重，休息可缓解，伴乏力，无胸闷、气促，无黄染、皮疹。在当地{outside}查B超等检查，建议上级医院治疗，遂至我院{department}门诊，接诊医生{doctor}建议住院。病程中患者饮食、睡眠尚可，二便如常。",
    "现病史：患者自诉{complaint}{duration}，程度逐渐加重，不伴发热、盗汗、消瘦。昨日症状再发，家属{contact}急送我院，急诊给予吸氧、补液处理后收入我科。既往外院病历（{outside}，{past_month}）提示类似发作史。",
    "现病史：{age}患者，{duration}前体检时{outside}发现异常，未予重视。{recently}起{complaint}，夜间明显，遂由{kin}（电话{mobile}）陪同就诊。门诊查：{lab_line}。为求系统治疗收入院。",
    "现病史：入院前{duration}，患者在单位（{employer}）工作时突感不适，表现为{complaint}，经休息无缓解，同事送至{outside}，查心电图未见明显异常，予口服药物治疗。{today}来院复诊，查体后以“{disease}”收住。",
    "现病史：{honor}{duration}前受凉后出现{complaint}，自行购药治疗无好转。无胸痛、咯血，无腹泻、里急后重。{recently}于社区门诊输液3天，具体用药不详。今来我院就诊，血常规示：{lab_line}。",
)
PAST = (
    "既往史：否认高血压、糖尿病、冠心病史，否认肝炎、结核等传染病史，否认外伤、输血史，否认食物、药物过敏史。预防接种史不详。",
    "既往史：高血压病史{years}年，最高血压172/98mmHg，规律服用氨氯地平，血压控制尚可。{long_ago}于{outside}行阑尾切除术。青霉素皮试阳性。",
    "既往史：{past_month}因“胆囊结石”在{outside}行腹腔镜胆囊切除术，术者{outside_doctor}。否认输血史。磺胺类药物过敏。",
    "既往史：2型糖尿病{years}年，口服二甲双胍，未规律监测血糖。否认肝炎病史。有Bell面瘫病史，已愈。",
    "既往史：平素体健，否认慢性病史。曾于{long_ago}车祸致左胫骨骨折，在{outside}手术治疗，内固定未取。",
    "【既往史】有乙肝“小三阳”病史{years}年，未抗病毒治疗；否认结核、疟疾史；否认手术、外伤史；否认过敏史。",
)
PERSONAL = (
    "个人史：生于{city}，长期居住本地，无疫区接触史。{marital}，配偶及子女体健。否认吸烟、饮酒嗜好。",
    "个人史：出生于原籍，{long_ago}迁居现址{street}。吸烟{years}年，20支/日，已戒。偶饮酒。{marital}。",
    "个人史及婚育史：{marital}，{kin}体健。现职单位{employer}。无毒物、放射性物质接触史。",
    "个人史：否认疫水接触史，无冶游史。生活自理，与{relation}同住于{street}。",
    "个人史：{marital}，育有子女，均体健。无吸毒史。就诊资料由家属{contact}保管，邮箱{email}。",
)
CHILD_PERSONAL = (
    "个人史：足月顺产，出生体重3.2kg，无窒息抢救史，母乳喂养，按时添加辅食，生长发育与同龄儿相仿。按计划免疫接种。现随{relation}{contact}居住于{street}。",
    "个人史：出生史无特殊，无新生儿黄疸延长史。就读于{employer}，成绩良好。监护人{contact}，电话{contact_phone}。",
    "个人史：G2P2，足月剖宫产，Apgar评分10分。预防接种按时，否认异物吸入史。{kin}体健。",
)
CHILD_PAST = (
    "既往史：平素体健，否认热性惊厥史，否认食物、药物过敏史，否认手术、输血史。",
    "既往史：{past_month}因“支气管肺炎”在{outside}住院，好转出院。否认川崎病、手足口病史。",
)
MENSES = (
    "月经史：14岁初潮，5/28天，末次月经{recently}，经量中等，无痛经。",
    "月经及生育史：已绝经，G2P2，均为顺产。",
    "月经史：初潮13岁，周期规则，LMP {recently}。",
)
FAMILY = (
    "家族史：父母已故，死因不详。否认家族遗传病史。",
    "家族史：其母患高血压病，{kin}曾患肺癌，余无特殊。",
    "家族史：否认家族中有类似疾病、肿瘤及遗传病史。",
    "家族史：父亲有冠心病，母亲健在。一姐于{past_month}确诊甲状腺癌，在{outside}手术。",
)
ASSESSMENTS = (
    "补充病史：患者精神状态可，对疾病认识充分，治疗依从性好。营养风险筛查NRS2002评分1分，跌倒评分（Morse）25分，Braden评分20分，自理能力Barthel指数95分。VTE风险评估（Caprini）2分，已行健康宣教。",
    "护理评估：Barthel指数100分，Braden评分22分，疼痛评分NRS 1分。过敏标识已佩戴，腕带信息（{name}，{admission_no}）核对无误。",
    "知情同意：已向患者及{relation}{contact}告知住院须知、检查治疗方案及费用，签署授权委托书，受托人{contact}，身份证复印件留存。",
)
EXAMS = (
    "体格检查：{vitals}。神志清楚，查体合作。全身皮肤黏膜无黄染、出血点，浅表淋巴结未触及肿大。颈软，气管居中，双肺呼吸音清，未闻及干湿性啰音。心率80次/分，律齐，各瓣膜听诊区未闻及病理性杂音。腹平软，无压痛及反跳痛，Murphy征阴性，肝脾肋下未触及，肠鸣音正常，4次/分。双下肢无浮肿。生理反射存在，Babinski征、Kernig征未引出。",
    "查体：{vitals}。发育正常，营养中等，自动体位。巩膜无黄染，结膜无苍白，口唇无发绀。双肺叩诊清音，右下肺可闻及少许湿性啰音。心界不大，律齐。腹部膨隆，McBurney点压痛（-），移动性浊音阴性，肠鸣音稍活跃。脊柱四肢无畸形，Lasegue征（-），Homans征（-）。病理征未引出。",
    "【体格检查】{vitals}，身高162cm，体重58.5kg。神清语利，全身浅表淋巴结无肿大，头颅五官无畸形，双侧瞳孔等大等圆，对光反射灵敏。甲状腺无肿大。胸廓对称，双肺呼吸音粗。心音有力，律齐，无杂音。腹软，剑突下轻压痛，无反跳痛，肝肾区无叩击痛。肛门外生殖器未查。Hoffmann征（-），Romberg征（-）。",
    "体查：{vitals}。慢性病容，步入病房。皮肤弹性可，无蜘蛛痣、肝掌。颈静脉无怒张，肝颈静脉回流征阴性。双肺未闻及啰音。HR 82次/分，房颤律？复听律齐。腹部无包块，Blumberg征阴性，Courvoisier征阴性，肠鸣音3次/分。四肢肌力Ⅴ级，肌张力正常。",
)
BREAST_EXAMS = (
    "专科检查：双乳对称，{side}乳{quadrant}触及一肿物，大小约{size}cm，质硬，边界不清，活动度差，表面皮肤无橘皮样改变，乳头无凹陷、溢液。{side}侧腋窝触及肿大淋巴结，质韧，可推动。对侧乳腺及锁骨上未触及异常。Paget病样改变（-）。",
    "专科情况：{side}乳{quadrant}可及约{size}cm肿块，质地硬，与皮肤轻度粘连，酒窝征（+），挤压乳头无溢液；双侧腋窝及锁骨上淋巴结未触及明显肿大。",
    "乳腺专科：双乳发育正常，{side}乳肿物{size}cm，触痛（-），活动欠佳，Cooper韧带受累可能；腋下淋巴结可疑肿大。",
)
AUXILIARY = (
    "辅助检查：{lab_line}。心电图：窦性心律。",
    "辅助检查：（{recently}，{outside}）B超提示异常，具体见报告单；（{today}，本院）{lab_line}。",
    "【辅助检查】{today}血液检查：{lab_line}。胸片未见明显异常。",
    "门诊资料：检验（就诊号{visit_no}）{lab_line}；影像片号由患者自带。",
)
PLANS = (
    "初步诊断：{diagnoses}\n诊疗计划：1.完善三大常规、肝肾功能、凝血等检查；2.予{treatment}等治疗；3.请上级医师{senior}指导诊治。\n医师签名：{doctor}  {today}",
    "入院诊断：{diagnoses}\n处理：完善相关检查，予{treatment}及对症支持，密切观察病情变化。已向患者及{relation}{contact}交代病情，表示理解并签字。\n            住院医师：{doctor}",
    "诊断：{diagnoses}\n拟诊讨论：患者{sex}性，{age}，{complaint}，结合检查支持诊断。治疗予{treatment}。\n{senior}主任医师 / {doctor}主治医师",
    "初步诊断:{diagnoses}\n计划:①二级护理；②{treatment}；③必要时请会诊。家属联系电话{contact_phone}。\n记录医师:{doctor} 审核:{senior} {now}",
)
ASIDES = (
    "患者身份证复印件（{rid}）已归档。",
    "医保卡绑定手机号{mobile}。",
    "家属微信：{wechat}，便于通知检查时间。",
    "患者QQ{qq}，外地家属可视频探视。",
    "退费请汇入银行卡{card}（户名{name}）。",
    "由{kin}驾车（{plate}）送入院。",
    "原主管医师{outside_doctor}（{outside}，电话{landline}）来电了解病情。",
    "检查报告发送至{email}。",
    "紧急情况请联系{contact}：{contact_phone}，备用电话{landline}。",
)
PROGRESS = (
    "{now}\n今日查房，患者{name}一般情况可，{complaint}较前减轻，无发热。查体：{vitals}，双肺呼吸音清，腹软，肠鸣音正常。{lab_line}。继续目前{treatment}治疗，观察病情变化。\n医师签名：{doctor}",
    "{today}  {senior}主任医师查房记录\n{senior}主任医师查房，听取病史汇报后指出：患者{some}，{age}，诊断{disease}明确，目前病情平稳；复查{lab_line}；指示：1.继续{treatment}；2.注意电解质变化，警惕Wernicke脑病等并发症；3.加强与家属沟通。遵嘱执行。\n记录：{doctor}",
    "{today} 病程记录\n患者诉夜间睡眠差，余无不适。体温{temperature}℃。切口/穿刺处无渗血渗液，Homans征阴性。昨日复查：{lab_line}。{relation}{contact}询问病情，已详细解释。处理：予{treatment}，明日复查血常规。        {doctor}",
    "{now} 日常病程\n{honor}，住院第{days}日。神清，精神可，饮食睡眠可。皮肤巩膜无黄染，心肺听诊无特殊，腹平软，Murphy征（-）。{recently}外院检查结果家属（{contact_phone}）已送达，结果同前。今请{outside_doctor}教授会诊，同意目前治疗方案。\n签名：{doctor}/{assistant}",
    "{today}，{bed}{some}，病情稳定，未诉特殊不适。复查结果：{lab_line}，较前好转。继续{treatment}，拟近日出院，已电话通知家属（{contact}，{contact_phone}）。医师：{doctor}",
    "{now}\n代{senior}副主任医师查房：患者今晨起诉头晕，测BP 138/82mmHg，HR 78次/分，律齐。考虑与体位有关，嘱卧床休息。诊断同前，{treatment}不变。患者单位（{employer}）同事探视，情绪稳定。\n{doctor}",
    "{now}  {senior}主治医师代主任查房\n今日随{senior}查房。患者诉{complaint}缓解，夜间睡眠6小时，饮食可。体温{temperature}℃，双肺未闻及啰音，腹平软，无压痛，肠鸣音正常。分析：{disease}诊断成立，{lab_line}，提示病情好转。处理：维持{treatment}，明晨复查。签名：{doctor}",
    "{today} 日常病程记录（第{days}天）\n患者{some}，无发热、胸闷，二便正常。皮肤巩膜无黄染，Cullen征、Grey-Turner征阴性。{recently}会诊意见已执行。{kin}电话（{landline}）询问病情，已答复。继续{treatment}。\n                 {doctor}",
    "{now}，交班：夜间值班医师{assistant}交代，患者{name}夜间平稳，BP 126/74mmHg，SpO2 98%。今晨查房一般情况好。{lab_line}。停用心电监护，余治疗同前（{treatment}）。若病情稳定，拟{next_visit}前出院。\n{doctor}",
    "{today}上午\n患者{name}（住院号{admission_no}）各项检查回报：{lab_line}。补充诊断无。交代病情：患者及{relation}{contact}知情同意。夜班{assistant}医师注意观察生命体征。",
)
SURGERY_PROGRESS = (
    "{now} 术后首次病程\n患者于{operated}在{anesthesia}下行{operation}，手术顺利，术中出血约{ml}ml，术毕安返病房。{vitals}。切口敷料干洁，引流通畅，引出淡红色液约{ml}ml。予抗炎、补液、止痛治疗。术者{senior}，记录{doctor}。",
    "{today} 术后第1日\n{calling}诉切口轻度疼痛，VAS 2分，已排气。T {temperature}℃。伤口无红肿，引流液约{ml}ml。肠鸣音恢复。嘱早期下床活动，预防DVT。{senior}主任查房同意目前处理。     {doctor}",
    "{now}\n患者{name}，{operation}术后，恢复顺利，引流管于{today}拔除，切口甲级愈合可能。术后病理未回。{relation}{contact}在旁陪护。签名：{doctor}",
)
DISCHARGE = (
    "出院记录\n姓名：{name} 性别：{sex} 年龄：{age} 住院号：{admission_no}\n入院日期：{admitted} 出院日期：{discharged} 住院{days}天\n入院情况：因“{complaint}”入院。\n入院诊断：{disease}\n诊疗经过：入院后完善检查，{lab_line}。予{treatment}等治疗，{course}\n出院诊断：{diagnoses}\n出院情况：{outcome}\n出院医嘱：1.注意休息，清淡饮食；2.按时服药；3.{next_visit}{department}门诊复诊，预约电话{landline}；4.不适随诊。\n医师签名：{doctor}",
    "{name}，{sex}，{age}，{admitted}入院，{discharged}出院。主诉{complaint}。经{treatment}治疗后病情好转。{course}出院诊断：{diagnoses}。出院时{outcome}嘱{next_visit}返院复查，随访联系人{contact}（{contact_phone}）。上级医师：{senior}  经治医师：{doctor}",
    "【出院小结】\n患者{name}（病案号{mrn}），家庭住址{home}，电话{mobile}。\n住院经过：{course}期间{senior}主任医师查房指导治疗，予{treatment}。复查：{lab_line}。\n【出院诊断】{diagnoses}\n【出院情况】{outcome}\n【出院医嘱】带药1个月，定期复查肝肾功能，{next_visit}复诊。转诊至{outside}续治者请携带本小结。\n{our} {department} {doctor} {today}",
)
COURSES = (
    "治疗过程顺利，症状逐日缓解，未出现并发症。",
    "期间出现一过性低热，最高38.1℃，对症处理后缓解。",
    "病情较前明显好转，各项指标趋于正常。",
    "经多学科讨论后继续内科治疗，患者耐受良好。",
)
OUTCOMES = (
    "一般情况可，生命体征平稳，症状消失。",
    "切口愈合良好，无红肿渗液。",
    "病情稳定，未诉特殊不适，双肺清，腹软，肠鸣音正常。",
    "好转，步行出院。",
)
DEATHS = ("经积极抢救无效，患者于{discharged}临床死亡，家属{contact}在场，对诊治过程表示理解。",)
CHEMO_ILLNESS = (
    "现病史：患者于{diagnosed}因“{side}乳肿物”在我院穿刺病理诊断为{histology}，免疫组化：{ihc_line}。临床分期{stage}。{surgery_line}已按{regimen}（{regimen_zh}）方案完成{done}周期化疗，末次化疗后{recently}查血常规{nadir_word}。现返院行第{cycle}周期治疗。近期精神、胃纳可，轻度脱发、乏力，无发热、腹泻，手足无麻木。",
    "【现病史】{calling}{side}乳癌确诊（{diagnosed}），{surgery_line}现为行第{cycle}/{cycles}次{regimen}化疗入院。上周期后恶心Ⅰ度，骨髓抑制{nadir_word}，予升白处理后恢复。{relation}{contact}陪同。既往治疗在{our}进行，主诊{senior}教授。",
    "现病史：{side}乳腺癌（{stage}，{subtype}）综合治疗中，方案：{regimen_zh}，本次为第{cycle}周期。{recently}在{outside}抽血复查，结果见外院单。无胸闷、心悸，PICC/输液港局部无红肿。",
)
BREAST_ILLNESS = (
    "现病史：患者{duration}前洗澡时无意发现{side}乳{quadrant}肿物，约花生米大小，无疼痛，未重视，渐增大至约{size}cm。{recently}至{outside}查彩超提示BI-RADS 5类，来我院穿刺活检，病理（病理号{pathology_no}）示{histology}，免疫组化：{ihc_line}。门诊以“{side}乳癌”收入院。否认乳癌家族史。",
    "现病史：{honor}于{diagnosed}体检钼靶发现{side}乳{quadrant}簇状钙化，MRI考虑恶性，穿刺病理：{histology}，{ihc_line}。{neo_line}今为手术治疗入院，{kin}陪同，术前谈话对象为{relation}{contact}。",
)
FEVER = (
    "现病史：{calling}乳癌化疗后第{days}天，{recently}起发热，最高39.1℃，伴寒战、咽痛，在{outside}急诊查血常规示中性粒细胞明显减少，转入我院。予G-CSF、哌拉西林他唑巴坦抗感染。",
    "现病史：化疗后出现Ⅳ度中性粒细胞减少伴发热1天，体温38.7℃，无咳嗽咳痰、腹泻。{relation}{contact}（{contact_phone}）夜间送急诊。血常规：{lab_line}。",
)
PROGRESS_TAILS = (
    "目前诊断：{diagnoses}。血压控制于130/80mmHg左右，心电监护示窦性心律，未见ST-T改变。继续观察，必要时复查CT。",
    "病情分析：患者{disease}，经治疗后炎症指标下降，肝肾功能稳定，考虑治疗有效；注意有无Charcot三联征、消化道出血等表现，监测血糖、电解质。",
    "护理：二级护理，普食，预防跌倒、压疮。陪护{relation}{contact}，已行健康宣教。",
    "告知：今日与家属{contact}（{contact_relation}）谈话，交代目前病情、可能并发症及预后，家属表示理解，要求积极治疗。签字人：{contact}。",
    "下一步计划：{recently}预约的检查结果回报后再行多学科讨论；请{department}{senior}主任医师会诊。",
    "用药：{treatment}。无皮疹、瘙痒等过敏反应，胃纳可，大便1次/日，小便正常，24小时出入量平衡。",
    "查体：{vitals}。神清，对答切题，全身皮肤无黄染及皮疹，浅表淋巴结不大；双肺呼吸音清，心律齐；腹软，全腹无压痛，Murphy征阴性，肠鸣音4次/分；双下肢无浮肿，足背动脉搏动可，Babinski征（-）。",
    "辅助检查回报：{lab_line}；心电图：窦性心律，大致正常；心脏彩超：LVEF 63%，E/A>1；胸片：心肺膈未见异常。",
    "上级医师意见：诊断依据充分，需与Crohn病、Meniere病等少见情况鉴别，目前证据不支持；维持现方案，关注肝肾功能，若出现发热及时行血培养。{senior}",
    "患者{kin}询问出院时间及医保报销事宜，已解释；办理手续请携带身份证、就诊卡。病友介绍微信群勿轻信。",
    "既往资料补充：{past_month}{outside}出院小结示曾行类似治疗，效果可，已复印存档（原住院号{admission_no}为本次号）。",
    "营养科会诊：NRS2002评分2分，建议优质蛋白饮食；康复科{outside_doctor}医师建议早期床旁活动。",
)
DISCHARGE_TAILS = (
    "入院时查体：{vitals}，皮肤巩膜无黄染，心肺无特殊，腹软，肠鸣音正常。出院带药：{treatment}。院外注意事项：低盐低脂饮食，避免劳累，出现发热、疼痛加重及时就诊，24小时咨询电话{landline}。",
    "出院后随访：由{doctor}医生负责，随访微信{wechat}；如更换联系方式（现登记{mobile}）请及时告知。病理及特殊检查结果请凭身份证（{rid}）到病案室复印。",
    "健康教育：已告知患者及{relation}{contact}康复锻炼方法、伤口护理及复诊流程，病历复印件邮寄至{home}，收件人{contact}，电话{contact_phone}。",
    "未归档检查：部分培养结果未回，回报后电话通知（{contact_phone}）。社区随访单位：{outside}。",
)
