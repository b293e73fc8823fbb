"""Every section is frozen and refuses unknown keys."""

import pytest
from pydantic import BaseModel, ValidationError

from ml_assets.declaration import SECTIONS, Solution
from ml_assets.declaration._base import Declaration
from ml_assets_tests.declaration.minimal import refusal, solution


class Part(Declaration):
    """A section."""

    size: int = 1
    """How large."""


def test_what_is_declared_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Part().size = 2  # type: ignore[misc]


def test_unknown_keys_are_refused() -> None:
    assert refusal(Part, {"sise": 2}) == ["sise: Extra inputs are not permitted"]


def test_the_docstring_of_a_field_is_its_description() -> None:
    assert Part.model_fields["size"].description == "How large."


def _all(kind: type[BaseModel]) -> set[type[BaseModel]]:
    return {kind} | {deep for sub in kind.__subclasses__() for deep in _all(sub)}


def test_every_part_of_a_declaration_is_of_this_kind() -> None:
    for kind in _all(Declaration):
        assert kind.model_config["frozen"], kind
        assert kind.model_config["extra"] == "forbid", kind
        assert kind.__doc__, kind


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_is_frozen(section: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(solution(), section, None)


def test_sections_are_the_fields_of_a_solution() -> None:
    assert tuple(Solution.model_fields) == ("name", *SECTIONS)
