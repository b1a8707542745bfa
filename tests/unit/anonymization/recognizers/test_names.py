"""Names by their surroundings; medical words that start like a surname; eponyms."""

from __future__ import annotations

import pytest

from anonymization.recognizers.english import EnglishNameRecognizer
from anonymization.recognizers.person import PersonRecognizer


@pytest.fixture(scope="module")
def recognizer() -> PersonRecognizer:
    return PersonRecognizer()


def names(recognizer: PersonRecognizer, text: str) -> set[str]:
    return {text[result.start : result.end] for result in recognizer.analyze(text, [])}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "患者高热，黄疸，腹痛3天",
        "患者平素体健，否认高血压病史",
        "患者白细胞计数正常",
        "谢谢医生，祝您健康",
        "患者于医生指导下服药",
        "接种疫苗医生告知",
        "由高年资医师完成",
        "患者安静，双侧瞳孔等大",
        "帕金森病，霍奇金淋巴瘤，克罗恩病，墨菲征阴性",
        "阿诺德·基亚里畸形",
        "何氏征阳性，巴宾斯基征（-）",
        "患者时有胸闷，常因劳累加重",
        "患者全身麻醉后，水肿消退",
        "球员们向总书记和外长问好，首脑的夫人们也来了。",
        "贫困人口逐年减少。",
        "科恩病，桥本甲状腺炎。",
    ],
)
def test_text_without_names_has_none(recognizer: PersonRecognizer, text: str) -> None:
    assert names(recognizer, text) == set()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("姓名：李四", "李四"),
        ("姓　　名：阎璐秋　性别：女", "阎璐秋"),
        ("【姓名】禤旻", "禤旻"),
        ("联系人：欧阳修远，电话", "欧阳修远"),
        ("患者王建国于今日入院", "王建国"),
        ("患者张伟因腹痛入院", "张伟"),
        ("其女王芳陪同", "王芳"),
        ("家属（儿子）李强签字", "李强"),
        ("今日张建国主任医师查房", "张建国"),
        ("请示王芳主任后", "王芳"),
        ("王小明，男，45岁", "王小明"),
        ("签名：王芳/李娜 2026-03-05", "李娜"),
        ("患者阿依古丽·买买提因头晕入院", "阿依古丽·买买提"),
        ("麻醉医师陈静，巡回护士刘洋", "刘洋"),
        ("术者：张三 助手：李四、王五", "王五"),
        ("12床唐某，病情稳定", "唐某"),
        ("续观。\n周敏", "周敏"),
        ("戈德温今天会见了来访的客人。", "戈德温"),  # from here on: no clinical text, no usual surname
        ("宇航员托马斯的家人来到了广场。", "托马斯"),
        ("石学海一家昨天搬进新房。", "石学海"),
    ],
)
def test_a_name_is_found_by_what_stands_around_it(recognizer: PersonRecognizer, text: str, name: str) -> None:
    assert name in names(recognizer, text)


def test_a_surname_before_a_title_is_found_without_the_title(recognizer: PersonRecognizer) -> None:
    assert names(recognizer, "请示张主任后") == {"张"}


def test_a_relation_after_a_label_is_not_taken_for_the_name(recognizer: PersonRecognizer) -> None:
    assert names(recognizer, "病史陈述者：其夫王厚\n主诉") == {"王厚"}


def test_english_names_are_found_after_titles_and_labels() -> None:
    text = "Dr. Alice Brown saw him. Patient: John Smith. 姓名：YUKO TANABE；"
    assert {text[r.start : r.end] for r in EnglishNameRecognizer().analyze(text, [])} == {
        "Alice Brown",
        "John Smith",
        "YUKO TANABE",
    }


@pytest.mark.parametrize(
    "text", ["患者JOHN SMITHSON1周来腰痛", "病人Maria Garcia，女，34岁", "患者Elena Sokolovna诉头痛"]
)
def test_a_name_in_letters_after_the_patient_is_found(text: str) -> None:
    spans = EnglishNameRecognizer().analyze(text, [])
    assert [text[span.start : span.end].count(" ") for span in spans] == [1]


@pytest.mark.parametrize(
    "text", ["患者CT MRI检查", "患者Barthel Index 60分", "患者Ann Arbor分期", "患者Martin Bell试验"]
)
def test_words_in_letters_after_the_patient_that_are_no_name_stay(text: str) -> None:
    assert EnglishNameRecognizer().analyze(text, []) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("高兴，男，因腹痛就诊", "高兴"),
        ("石岩家属要求出院", "石岩"),
        ("鲍操因发热3天入院", "鲍操"),
        ("签名：宋  江", "宋  江"),
        ("主管医师：杨 帆 记录：王芳", "杨 帆"),
        ("请牛得草主任阅片", "牛得草"),
        ("张、王二位医师共同查看病人", "王"),
        ("主诊医生：Dr. 黄", "黄"),
        ("门诊祥叔带来", "祥叔"),
        ("患者自述与丽丽同住", "丽丽"),
        ("术者许文强 助手丁力", "丁力"),
        ("病人阿依古丽·买买提，维吾尔族", "阿依古丽·买买提"),
        ("患者Wang Xiaoming，M，45y", "Wang Xiaoming"),
        ("WANG XIAOMING 男 45岁", "WANG XIAOMING"),
    ],
)
def test_phrases_that_a_name_completes(text: str, name: str) -> None:
    spans = PersonRecognizer(model=False).analyze(text, [])
    assert any(text[span.start : span.end] == name for span in spans)


@pytest.mark.parametrize(
    "text",
    [
        "成年，男，因腹痛就诊",
        "安徽，男，45岁",
        "回族，女，30岁",
        "患者家属要求出院",
        "全体家属在场",
        "请高年资主任阅片",
        "请外院主任会诊",
        "医师：李 护士：赵敏",
        "大姐说昨晚没睡好，表姐来探视",
        "予伟哥，停用",
        "Barthel Index，60分",
        "Hao Wang Syndrome study",
        "高血压因未服药入院",
        "何时因发热入院不详",
        "Ki67约30%。门诊以“左乳癌”收入院",
    ],
)
def test_phrases_that_hold_no_name(text: str) -> None:
    spans = PersonRecognizer(model=False).analyze(text, [])
    assert [text[span.start : span.end] for span in spans if text[span.start : span.end] != "赵敏"] == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("已与Tan Boon Seng先生沟通", "Tan Boon Seng"),
        ("Mary Jane Smith医生查房", "Mary Jane Smith"),
        ("Jerry Yang（杨建新），美国国籍", "Jerry Yang"),
    ],
)
def test_a_name_in_letters_before_a_title_or_its_han_form_is_found(text: str, name: str) -> None:
    found = {text[each.start : each.end] for each in EnglishNameRecognizer().analyze(text, [])}
    assert name in found


@pytest.mark.parametrize(
    "text", ["Barrett Esophagus（巴雷特食管）", "Hepatitis B患者", "Child Pugh医生评分", "Her Two教授"]
)
def test_words_in_letters_before_han_words_that_are_no_name_stay(text: str) -> None:
    assert EnglishNameRecognizer().analyze(text, []) == []


@pytest.mark.parametrize("text", ["董事长，男，1972年出生", "程序员,女,31岁", "班主任，女，40岁"])
def test_an_office_before_the_sex_is_no_name(recognizer: PersonRecognizer, text: str) -> None:
    assert list(recognizer.analyze(text, [])) == []


def test_a_name_that_starts_like_an_office_is_found(recognizer: PersonRecognizer) -> None:
    text = "昨天作家管家琪来校演讲，主持人是连长生。"
    found = {text[each.start : each.end] for each in recognizer.analyze(text, [])}
    assert found >= {"管家琪", "连长生"}
