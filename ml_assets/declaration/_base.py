"""What every section of a declaration shares: frozen, and unknown keys refused."""

from pydantic import BaseModel, ConfigDict


class Declaration(BaseModel):
    """One section, or part of a section, of what a user writes."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), use_attribute_docstrings=True)
