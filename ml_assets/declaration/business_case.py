"""Part 1: what is decided, for whom, what it is worth, and whether it may be done at all."""

import datetime
import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ml_assets.declaration._base import Declaration
from ml_assets.declaration._types import Duration, FunctionPath, Label
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.value import BinaryValue as BinaryMoney
from ml_assets.statistics.value import MulticlassValue as MulticlassMoney
from ml_assets.statistics.value import RegressionValue as RegressionMoney
from ml_assets.statistics.value import Value as Money

Area = Literal[
    "credit", "insurance", "employment", "education", "health", "public_services", "law_enforcement", "migration", "justice",
    "critical_infrastructure", "biometrics", "marketing", "operations", "forecasting", "research", "other",
    "social_scoring", "manipulation", "exploitation_of_vulnerability", "predictive_policing_of_persons",
    "emotion_recognition_at_work", "biometric_categorisation", "untargeted_face_scraping",
]  # fmt: skip
# Regulation (EU) 2024/1689, Article 5 (prohibited practices) and Annex III (high-risk areas).
PROHIBITED: frozenset[str] = frozenset(
    {"social_scoring", "manipulation", "exploitation_of_vulnerability", "predictive_policing_of_persons",
     "emotion_recognition_at_work", "biometric_categorisation", "untargeted_face_scraping"}
)  # fmt: skip
HIGH_RISK: frozenset[str] = frozenset(
    {"credit", "insurance", "employment", "education", "public_services", "law_enforcement", "migration", "justice",
     "critical_infrastructure", "biometrics"}
)  # fmt: skip
PROHIBITED_WORDS: tuple[tuple[str, str], ...] = (
    (r"social\s+(credit\s+)?scor", "social scoring, Article 5(1)(c)"),
    (r"subliminal|manipulat\w+ (a|the) (person|user|customer)", "manipulation, Article 5(1)(a)"),
    (r"emotion\w*\b.*\b(employee|worker|pupil|student)", "emotion recognition at work or school, Article 5(1)(f)"),
    (r"(infer|predict|categori[sz])\w*\b.*\b(race|sexual orientation|political opinion|religio\w+)\b.*\bbiometric",
     "biometric categorisation, Article 5(1)(g)"),
    (r"likel\w+\b.*\bcommit\w*\b.*\b(crime|offence)", "predicting offences of a person, Article 5(1)(d)"),
)  # fmt: skip


class Target(Declaration):
    """The column that is predicted."""

    column: str
    task: Task = "binary"
    positive: Label | None = None
    """Binary: the value that counts as positive; the only allowed omission is a 0/1 or false/true column."""
    delay: Duration | None = None
    """How long after a row its label is known."""

    @property
    def delay_or_zero(self) -> datetime.timedelta:
        return self.delay or datetime.timedelta(0)


class BinaryValue(Declaration):
    """Money per decision, by what was decided and what was true."""

    true_positive: float = 0.0
    false_positive: float
    false_negative: float
    true_negative: float = 0.0
    currency: str = "EUR"


class RegressionValue(Declaration):
    """Money per unit of error: negative, and not the same on both sides where one error hurts more."""

    per_unit_over: float = Field(le=0)
    per_unit_under: float = Field(le=0)
    currency: str = "EUR"


class MulticlassValue(Declaration):
    """Money per decision: ``matrix[true class][decided class]``; a pair left out is worth 0."""

    matrix: dict[str, dict[str, float]]
    currency: str = "EUR"


class SignOff(Declaration):
    """Who agreed to the case, when, and to which version of it."""

    by: str
    date: datetime.date
    version: str
    """The version that ``ml-assets plan`` prints; another one means the case changed after it was signed."""


class BusinessCase(Declaration):
    """What the solution is for."""

    decision: str
    owner: Annotated[str, Field(pattern=r"^(team:[\w./-]+|[^@\s]+@[^@\s]+\.[^@\s]+)$")]
    """``team:name`` or an e-mail address; owns every asset of the solution."""
    prediction: str
    target: Target
    value: BinaryValue | RegressionValue | MulticlassValue | None = None
    favourable: Literal["positive", "negative"] = "positive"
    """Binary: which decision is good for the person it is about; fairness compares its rates."""
    simple_rule: FunctionPath | None = None
    """frame of valid rows → decision (binary: true means positive; multiclass: a label; regression: a number)."""
    intended_use: str = ""
    out_of_scope: str = ""
    area: Area = "other"
    risk: Literal["minimal", "limited", "high"] = "limited"
    signed_off: SignOff | None = None

    @model_validator(mode="after")
    def _value_fits_task(self) -> "BusinessCase":
        kinds: dict[Task, type[Declaration]] = {
            "binary": BinaryValue,
            "regression": RegressionValue,
            "multiclass": MulticlassValue,
        }
        wanted = kinds[self.target.task]
        if self.value is not None and not isinstance(self.value, wanted):
            allowed = ", ".join(wanted.model_fields)
            raise ValueError(
                f"value: got {', '.join(type(self.value).model_fields)} for a {self.target.task} target; allowed: {allowed}"
            )
        return self

    @property
    def currency(self) -> str:
        return self.value.currency if self.value is not None else "points"

    def money(self, classes: tuple[str, ...]) -> Money:
        """The declared value as arithmetic; without one, a point per right decision (or minus one per unit of error)."""
        from ml_assets.statistics.value import default_value

        match self.value:
            case BinaryValue() as v:
                return BinaryMoney(v.true_positive, v.false_positive, v.false_negative, v.true_negative)
            case RegressionValue() as v:
                return RegressionMoney(v.per_unit_over, v.per_unit_under)
            case MulticlassValue() as v:
                rows = [[v.matrix.get(t, {}).get(d, 0.0) for d in classes] for t in classes]
                return MulticlassMoney(tuple(tuple(r) for r in rows))
            case None:
                return default_value(self.target.task, max(len(classes), 2))

    def prohibited_reasons(self) -> tuple[str, ...]:
        """Why this use may not be built at all: by its declared area, or by what its own words say."""
        text = " ".join((self.decision, self.prediction, self.intended_use)).lower()
        reasons = (
            [f"area {self.area!r} is a prohibited practice (Regulation (EU) 2024/1689, Article 5)"]
            if self.area in PROHIBITED
            else []
        )
        return (
            *reasons,
            *(f"its words describe {why}" for pattern, why in PROHIBITED_WORDS if re.search(pattern, text)),
        )

    def understated_risk(self) -> str | None:
        """Why the declared risk is too low for the area, or None."""
        if self.area in HIGH_RISK and self.risk != "high":
            return f"area {self.area!r} is listed in Annex III as high-risk, but the case declares risk {self.risk!r}"
        return None
