"""What may be seen of the facts: small counts masked, small evidence told as such, tables and pictures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from ml_assets.evidence import bars, intervals, table
from ml_assets.resources.store import Facts
from ml_assets.statistics.estimate import Estimate

OPEN = ("fail", "suspect")
TOO_FEW = "too few to say"


@dataclass(frozen=True)
class Curtain:
    """What is masked: attribute → group → ``small`` or ``complementary``; counts below ``threshold`` are small."""

    masked: Mapping[str, Mapping[str, str]]
    threshold: int

    @classmethod
    def of(cls, facts: Facts) -> "Curtain":
        return cls(facts["masked"], facts["threshold"])

    def why(self, found: Facts) -> str | None:
        """Why the count of a fact's group is not shown."""
        return self.masked.get(found["attribute"], {}).get(found.get("group", ""))

    def count(self, found: Facts) -> object:
        """The rows of its group, as far as they may be seen."""
        why = self.why(found)
        return found["n"] if why is None else f"<{self.threshold}" if why == "small" else "not shown"

    def figure(self, found: Facts, estimate: str, part: str = "value") -> object:
        """A figure of an estimate; nothing of a small group, two digits where a count is not shown."""
        value, why = found[estimate][part], self.why(found)
        if value is None or why == "small":
            return None
        return round(value, 2) if why else value

    def sentence(self, found: Facts) -> str:
        """The finding in words, without the counts that may not be seen."""
        why = self.why(found)
        if why is None:
            return str(found["sentence"])
        start = f"{found.get('column', '')} {name_of(found)}".strip()
        if why == "small":
            return f"{start}: fewer than {self.threshold} rows, {answer(found)}."
        return f"{start}: {answer(found)}; its count is not shown, so that a smaller group's cannot be worked out."


def name_of(found: Facts) -> str:
    """``attribute=group``."""
    return f"{found['attribute']}={found['group']}" if found.get("group") else str(found["attribute"])


def answer(found: Facts) -> str:
    """The verdict; where the rows could not have shown equality, that and not a pass or a zero."""
    support = found.get("support", found)
    unable = found["verdict"] == "inconclusive" and not support.get("resolvable", True)
    return TOO_FEW if unable or found["verdict"] == "not_estimable" else str(found["verdict"])


def shown_shares(facts: Facts) -> list[dict[str, object]]:
    """Groups against the reference population."""
    curtain = Curtain.of(facts)
    return [
        {
            "group": name_of(s),
            "n": curtain.count(s),
            "share": curtain.figure(s, "share"),
            "low": curtain.figure(s, "share", "low"),
            "high": curtain.figure(s, "share", "high"),
            "reference": s["reference"],
            "verdict": answer(s),
            "finding": curtain.sentence(s),
        }
        for s in facts["shares"]
    ]


def shown_gaps(facts: Facts) -> list[dict[str, object]]:
    """Label gaps of groups and of their crossings: difference, ratio, and the smallest gap the rows could rule out."""
    curtain = Curtain.of(facts)
    return [
        {
            "group": name_of(g),
            **({"class": g["label"]} if g["label"] else {}),
            "n": curtain.count(g),
            "rate": curtain.figure(g, "rate"),
            "rest": g["rest_rate"] if curtain.why(g) is None else None,
            "difference": curtain.figure(g, "difference"),
            "low": curtain.figure(g, "difference", "low"),
            "high": curtain.figure(g, "difference", "high"),
            "ratio": curtain.figure(g, "ratio"),
            "q": g["q"] if curtain.why(g) is None else None,
            "detectable": g["detectable"] if curtain.why(g) is None else None,
            "verdict": answer(g),
            "finding": curtain.sentence(g),
        }
        for g in facts["gaps"]
    ]


def _shown(facts: Facts, key: str, columns: Mapping[str, str], *, only: Iterable[str] = ()) -> list[dict[str, object]]:
    """Other facts by group: the named estimates (column of the table → name in the facts), verdict and sentence."""
    curtain, wanted = Curtain.of(facts), tuple(only)
    return [
        {
            **({"column": f["column"]} if "column" in f else {}),
            "group": name_of(f),
            "n": curtain.count(f),
            **{head: curtain.figure(f, estimate) for head, estimate in columns.items()},
            **({"low": curtain.figure(f, first, "low"), "high": curtain.figure(f, first, "high")} if first else {}),
            "verdict": answer(f),
            "finding": curtain.sentence(f),
        }
        for f in facts[key]
        for first in (next(iter(columns.values()), ""),)
        if not wanted or f["verdict"] in wanted
    ]


def report_metadata(facts: Facts) -> dict[str, Any]:
    """Everything the UI shows of the report."""
    curtain = Curtain.of(facts)
    found: dict[str, Any] = {
        "shares": table(shown_shares(facts)),
        "label_gaps": table(shown_gaps(facts)),
        "missing_values": table(_shown(facts, "missing", {"difference": "difference"}, only=OPEN)),
        "missing_and_label": table(_shown(facts, "missing_by_label", {"difference": "difference"}, only=OPEN)),
        "proxies": table([_proxy_row(p) for p in facts["proxies"]]),
        "proxy_columns": table([_column_row(c) for c in facts["column_proxies"][:20]]),
        "label_distributions": table(_shown(facts, "divergences", DISTANCES)),
        "stress": table(
            [
                {"group": name_of(s), "share": s["share"], "finding": s["sentence"]}
                for s in facts["stress"]
                if curtain.why(s) is None and s["changed"]
            ]
        ),
        "rows": facts["rows"],
        "masked_groups": sum(len(groups) for groups in facts["masked"].values()),
    }
    if facts["conditional"]:
        found["conditional_gaps"] = table(_shown(facts, "conditional", CONDITIONAL))
    if facts["unknown"]:
        found["unknown"] = table([{"attribute": u["attribute"], "finding": u["sentence"]} for u in facts["unknown"]])
    if facts["not_crossed"]:
        found["not_crossed"] = table([{"crossing": k, "groups": n} for k, n in facts["not_crossed"].items()])
    return found | _pictures(facts)


DISTANCES = {
    "total variation": "total_variation",
    "KL": "kullback_leibler",
    "JS": "jensen_shannon",
    "KS": "kolmogorov_smirnov",
}
CONDITIONAL = {"given": "conditional", "plain": "plain", "disparity": "disparity", "CDD": "conditional_disparity"}


def _proxy_row(proxy: Facts) -> dict[str, object]:
    auc, without = proxy["auc"], proxy["without"]
    return {
        "attribute": proxy["attribute"],
        "best told": proxy["group"],
        "AUC": auc["value"],
        "low": auc["low"],
        "high": auc["high"],
        "n": proxy["n"],
        "chance": proxy["chance"],
        "without top two": without["value"],
        "finding": proxy["sentence"],
    }


def _column_row(column: Facts) -> dict[str, object]:
    strength = column["strength"]
    return {
        "column": column["column"],
        "attribute": column["attribute"],
        "V": strength["value"],
        "low": strength["low"],
        "high": strength["high"],
        "n": strength["n"],
    }


def _pictures(facts: Facts) -> dict[str, Any]:
    """Label gaps with their intervals, and the shares against the reference, of groups that may be shown."""
    curtain = Curtain.of(facts)
    gaps = [
        Estimate.from_row(g["difference"] | {"name": name_of(g)})
        for g in facts["gaps"]
        if g["difference"]["value"] is not None and curtain.why(g) is None
    ]
    out: dict[str, Any] = {}
    if gaps:
        out["picture"] = dg.MetadataValue.md(intervals("label rate: group less rest", gaps, limit=0.0))
    known = {name_of(s): s for s in facts["shares"] if s["reference"] is not None and curtain.why(s) is None}
    if known:
        now = {name: float(s["share"]["value"] or 0.0) for name, s in known.items()}
        reference = {name: float(s["reference"]) for name, s in known.items()}
        out["shares_picture"] = dg.MetadataValue.md(bars("share of the groups", reference, now))
    return out
