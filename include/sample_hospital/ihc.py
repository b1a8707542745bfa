"""Immunohistochemistry lines: one set of facts, in the several surface forms that pathologists write."""

from __future__ import annotations

from random import Random

from include.sample_hospital.breast_cancer import BreastCancer


def _strength(rng: Random, percent: int) -> str:
    return rng.choice(("强", "中等强度", "中-强")) if percent >= 50 else rng.choice(("弱", "弱-中等", "中等强度"))


def hormone(rng: Random, name: str, percent: int) -> str:
    """Return the ER or PR statement; below 1 % it is negative in every form."""
    if percent < 1:
        return rng.choice(
            (f"{name}（-）", f"{name}(-)", f"{name}（－）", f"{name}阴性", f"{name}（0%）", f"{name}（-，<1%）")
        )
    plus = "+++" if percent >= 70 else "++" if percent >= 30 else "+"
    return rng.choice(
        (
            f"{name}（+，约{percent}%）",
            f"{name}（约{percent}%+）",
            f"{name}({percent}%,{_strength(rng, percent)})",
            f"{name}（{plus}，{percent}%）",
            f"{name}（{percent}%，{_strength(rng, percent)}）",
            f"{name}阳性（{percent}%）",
            f"{name}（+，{percent}%，{_strength(rng, percent)}）",
        )
    )


def her2(rng: Random, score: int) -> str:
    label = rng.choice(("HER2", "HER-2", "Her-2", "C-erbB-2", "Cerb-B2", "HER2"))
    if score == 0:
        return rng.choice((f"{label}（0）", f"{label}（-）", f"{label}(0)"))
    return rng.choice(
        (f"{label}（{score}+）", f"{label}({score}+)", f"{label}（{'+' * score}）" if score > 1 else f"{label}（1+）")
    )


def ki67(rng: Random, percent: int) -> str:
    return rng.choice(
        (
            f"Ki67（+，约{percent}%）",
            f"Ki-67指数约{percent}%",
            f"Ki-67（{percent}%）",
            f"Ki-67({percent}%+)",
            f"Ki67约{percent}%（+）",
            f"Ki-67增殖指数：{percent}%",
            f"Ki67(热点区{percent}%)",
        )
    )


def fish(rng: Random, ratio: float, copies: float, positive: bool) -> str:
    state = "阳性" if positive else "阴性"
    return rng.choice(
        (
            f"FISH：HER2基因扩增{state}，HER2/CEP17={ratio}，平均HER2拷贝数{copies}",
            f"FISH检测：HER2基因{'有' if positive else '无'}扩增（HER2/CEP17比值={ratio}，HER2信号{copies}个/细胞）",
            f"HER2 FISH（{'+' if positive else '-'}），HER2/CEP17={ratio}，拷贝数={copies}",
        )
    )


def panel(rng: Random, tumour: BreastCancer, block: str, with_fish: bool) -> str:
    """Return the whole immunohistochemistry field for one specimen."""
    others = [
        rng.choice(("P63（肌上皮-）", "p63(-)", "P63（-）")),
        rng.choice(("CK5/6（-）", "CK5/6(-)")),
        rng.choice(("E-cadherin（+）", "E-Cad（+）")) if tumour.histology != "浸润性小叶癌" else "E-cadherin（-）",
        rng.choice(("AR（+，60%）", "GATA3（+）", "GATA-3(+)", "EGFR（-）", "P53（约10%+）", "TOP2A（约20%+）")),
    ]
    rng.shuffle(others)
    core = [
        hormone(rng, "ER", tumour.er_pct),
        hormone(rng, "PR", tumour.pr_pct),
        her2(rng, tumour.her2_ihc),
        ki67(rng, tumour.ki67_pct),
    ]
    separator = rng.choice(("，", "、", "；", "，"))
    lead = rng.choice((f"免疫组化（{block}）：", f"免疫组化结果：（{block}）", "IHC：", f"（{block}）"))
    text = lead + separator.join(core + others[: rng.randint(1, 4)]) + "。"
    if with_fish and tumour.fish_ratio is not None:
        text += (
            rng.choice(("\n", ""))
            + fish(rng, tumour.fish_ratio, tumour.fish_copies or 0.0, tumour.her2_status == "positive")
            + "。"
        )
    return text
