"""What of the report needs an answer: one finding for each, under a name that stays the same from run to run."""

from collections.abc import Iterator
from dataclasses import dataclass

from ml_assets.declaration import Solution
from ml_assets.declaration.data_bias import PlanEntry
from ml_assets.resources.store import Facts
from ml_assets.stages.data_bias.showing import OPEN, Curtain, name_of

LABEL_KINDS = ("label", "conditional_label", "label_distribution")


@dataclass(frozen=True)
class Finding:
    """One thing that was found, and all that a plan has to know of it.

    ``group`` is ``attribute=group``, ``parents`` the findings of the same kind and direction that a crossed group lies in: an
    answer to one of them answers this one too. ``estimate`` and ``n`` are None where they may not be shown.
    """

    id: str
    kind: str
    group: str
    attributes: tuple[str, ...]
    parents: tuple[str, ...]
    metric: str
    estimate: Facts | None
    n: int | None
    detectable: float | None
    verdict: str
    q: float | None
    sentence: str
    column: str | None = None
    rows_needed: int | None = None

    @property
    def attribute(self) -> str:
        """The attribute, or the crossing."""
        return self.group.split("=")[0]

    def answered_by(self, plan: tuple[PlanEntry, ...]) -> PlanEntry | None:
        """The entry that decides about it: its own id first, then its group, its attribute, and what it is part of."""
        by_name = {entry.finding: entry for entry in reversed(plan)}
        names = (self.id, self.group, self.attribute, *self.parents)
        found = next((by_name[name] for name in names if name in by_name), None)
        if found is None and len(self.attributes) > 1 and set(self.attributes) <= set(by_name):
            return by_name[self.attributes[0]]
        return found


def findings(solution: Solution, facts: Facts) -> tuple[Finding, ...]:
    """All findings of a report, shares first."""
    curtain = Curtain.of(facts)
    labels = [g for g in facts["gaps"] if g["verdict"] in OPEN]
    known = {(name_of(g), g["label"]) for g in labels}
    found = [_finding("representation", s, "ratio", curtain, needed=_needed(s)) for s in facts["shares"] if _open(s)]
    found += [
        _finding(
            "label", g, "difference", curtain, parents=tuple(_parents(g, facts, labels)), made_of=_made_of(g, facts)
        )
        for g in labels
    ]
    for kind, key, metric in (
        ("conditional_label", "conditional", "conditional"),
        ("label_distribution", "divergences", "total_variation"),
    ):
        more = (f for f in facts[key] if _open(f) and (name_of(f), f.get("label", "")) not in known)
        if solution.task != "binary" or kind == "conditional_label":
            found += [_finding(kind, f, metric, curtain) for f in more]
    found += [_finding("missingness", m, "difference", curtain) for m in facts["missing"] if _open(m)]
    found += [_finding("unknown", u | {"group": ""}, "share", curtain) for u in facts["unknown"] if _open(u)]
    found += [_proxy(p, facts) for p in facts["proxies"] if _tells(p, facts, solution.data_bias.tolerance.proxy_auc)]
    return tuple(found)


def _open(found: Facts) -> bool:
    return found["verdict"] in OPEN


def _finding(
    kind: str,
    found: Facts,
    metric: str,
    curtain: Curtain,
    *,
    parents: tuple[str, ...] = (),
    made_of: tuple[str, ...] = (),
    needed: int | None = None,
) -> Finding:
    support = found.get("support", found)
    masked, group = curtain.why(found), name_of(found)
    suffix = "".join(
        f"{sign}{found[key]}" for sign, key in ((":", "column"), ("#", "label")) if found.get(key) not in (None, "")
    )
    return Finding(
        id=f"D-{kind}-{group}{suffix}",
        kind=kind,
        group=group,
        attributes=made_of or (found["attribute"],),
        parents=parents,
        metric=str((found[metric] or {}).get("name", metric)),
        estimate=None if masked else found[metric],
        n=None if masked else found["n"],
        detectable=None if masked else support.get("detectable"),
        verdict=found["verdict"],
        q=None if masked else support.get("q"),
        sentence=curtain.sentence(found),
        column=found.get("column"),
        rows_needed=None if masked else needed,
    )


def _needed(share: Facts) -> int | None:
    """Rows of the group that would bring it to its reference share."""
    reference, total = share["reference"], share["share"]["n"]
    return max(0, int((reference * total - share["n"]) / max(1 - reference, 1e-9))) if reference else None


def _parents(gap: Facts, facts: Facts, labels: list[Facts]) -> Iterator[str]:
    """Names of the findings of the groups it lies in, where the gap is one of the same direction."""
    own = next((p for p in facts["parents"] if (p["attribute"], p["group"]) == (gap["attribute"], gap["group"])), None)
    for attribute, group in own["parents"] if own else ():
        for other in labels:
            same = (other["attribute"], other["group"], other["label"]) == (attribute, group, gap["label"])
            if same and other["difference"]["value"] * gap["difference"]["value"] > 0:
                yield name_of(other)


def _made_of(gap: Facts, facts: Facts) -> tuple[str, ...]:
    own = next((p for p in facts["parents"] if p["attribute"] == gap["attribute"]), None)
    return tuple(a for a, _ in own["parents"]) if own else (gap["attribute"],)


def _tells(proxy: Facts, facts: Facts, limit: float) -> bool:
    """Beyond the limit with its whole interval, and beyond chance with all attributes together."""
    low = proxy["auc"]["low"]
    return low is not None and low > limit and proxy["p_value"] * len(facts["proxies"]) <= 0.05


def _proxy(proxy: Facts, facts: Facts) -> Finding:
    """People decide about a proxy; it is never proven to be harm by itself."""
    strong = [c for c in facts["column_proxies"] if c["attribute"] == proxy["attribute"]][:3]
    alone = ", ".join(
        f"{c['column']} V {c['strength']['value']:.2f}" for c in strong if c["strength"]["value"] is not None
    )
    return Finding(
        id=f"D-proxy-{proxy['attribute']}",
        kind="proxy",
        group=proxy["attribute"],
        attributes=(proxy["attribute"],),
        parents=(),
        metric="proxy_auc",
        estimate=proxy["auc"],
        n=proxy["n"],
        detectable=None,
        verdict="suspect",
        q=proxy["p_value"],
        sentence=f"{proxy['sentence']} Alone: {alone}.",
        column=", ".join(proxy["dropped"]),
    )
