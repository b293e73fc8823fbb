"""``MLSolution``: one declaration in YAML, or in Python, becomes the assets, checks and sensors of all ten parts."""

import re
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster.components.core.component_tree import ComponentTreeException
from dagster.components.core.context import ComponentLoadContext
from pydantic import BaseModel

from ml_assets.declaration import SECTIONS, Solution
from ml_assets.errors import DeclarationError
from ml_assets.resources import RESOURCES
from ml_assets.stages import STAGES

# One object, because Dagster merges definitions only when their executor is the identical one. In-process: the steps of a
# solution are short beside the seconds that importing learning libraries costs in every new process.
EXECUTOR = dg.in_process_executor


class MLSolution(dg.Component):
    """One ML solution: business case, success criteria, data, bias plan, pipeline, model, deployment, bias, monitoring, retraining.

    Its attributes are the ten sections of the declaration. Every default is visible with ``ml-assets plan NAME``.
    """

    def __init__(self, solution: Solution) -> None:
        self.solution = solution

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """What YAML is validated against: the plain declaration, so that errors name the line."""
        return Solution

    @classmethod
    def load(cls, attributes: BaseModel | None, context: ComponentLoadContext) -> Self:
        """Resolve ``{{ }}`` templates in strings and validate the whole again."""
        if attributes is None:
            raise DeclarationError(
                "a solution has no attributes",
                got="nothing",
                allowed=", ".join(("name", *SECTIONS)),
                do="Add attributes:",
            )
        raw = attributes.model_dump(exclude_unset=True, by_alias=True, mode="json")
        return cls(Solution.model_validate(context.resolution_context.at_path("attributes").resolve_value(raw)))

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What ``dg list components`` shows."""
        return dg.ComponentTypeSpec(
            description="One declaration of an ML solution becomes its whole lifecycle.", owners=[], tags=["ml"]
        )

    def build_defs(self, context: ComponentLoadContext) -> dg.Definitions:
        """Merge what the ten stages build."""
        refuse_second_of_same_name(self.solution.name, context)
        return definitions_of(self.solution.written_at(section_lines(Path(context.path), self.solution.name)))

    @cached_property
    def name(self) -> str:
        """The solution's name."""
        return self.solution.name


def definitions_of(solution: Solution) -> dg.Definitions:
    """The same from Python, without YAML or a defs folder."""
    return dg.Definitions.merge(
        *(stage.build(solution) for stage in STAGES), dg.Definitions(resources=RESOURCES, executor=EXECUTOR)
    )


def find_solution(name: str, project: Path | None = None) -> tuple[Solution, dg.Definitions, Path]:
    """A solution of a dg project by its name (None: the shipped ones), what the project builds, and its file."""
    root = project.resolve() if project is not None else Path(__file__).parent
    tree = dg.ComponentTree.for_project(root)
    try:
        found = {c.solution.name: c for c in tree.get_all_components(of_type=MLSolution)}
    except ComponentTreeException as error:
        cause: BaseException = error.__cause__ or error
        raise DeclarationError(
            "a declaration is not valid",
            got=str(cause),
            allowed="what `ml-assets schema` prints",
            do="Correct the file at the line named",
        ) from error
    if name not in found:
        raise DeclarationError(
            "there is no such solution",
            got=name,
            allowed=", ".join(sorted(found)) or "none is declared",
            do="Name one of them",
        )
    for file in sorted(root.rglob("defs.yaml")):
        if section_lines(file.parent, name):
            return found[name].solution, tree.build_defs(), file
    return found[name].solution, tree.build_defs(), root


def section_lines(folder: Path, name: str) -> dict[str, tuple[str, int]]:
    """File and line of every section of a solution; the line of ``attributes`` for a section that is left out."""
    import yaml

    for file in sorted(folder.glob("*.yaml")) if folder.is_dir() else []:
        for document in yaml.compose_all(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader):
            attributes = _mapping(document).get("attributes") if document is not None else None
            sections = _mapping(attributes)
            if attributes is None or "name" not in sections or getattr(sections["name"], "value", None) != name:
                continue
            lines = {key.value: key.start_mark.line + 1 for key, _ in attributes.value}
            start = attributes.start_mark.line + 1
            return {s: (str(file), lines.get(s, start)) for s in SECTIONS}
    return {}


def _mapping(node: Any) -> dict[str, Any]:
    pairs = getattr(node, "value", None)
    return (
        {k.value: v for k, v in pairs} if isinstance(pairs, list) and all(isinstance(p, tuple) for p in pairs) else {}
    )


def refuse_second_of_same_name(name: str, context: ComponentLoadContext) -> None:
    """Two solutions of one name would share their assets; say which files, before Dagster says which keys."""
    root = Path(context.defs_module_path)
    stamps = tuple((file, file.stat().st_mtime_ns) for file in sorted(root.rglob("defs.yaml")))
    files = _names(root, stamps).get(name, ())
    if len(files) > 1:
        raise DeclarationError(
            "two solutions have the same name",
            got=f"{name!r} in {' and '.join(files)}",
            allowed="each name once",
            do="Rename one of them",
        )


@lru_cache(maxsize=4)
def _names(root: Path, stamps: tuple[tuple[Path, int], ...]) -> dict[str, tuple[str, ...]]:
    """Which files declare which name; read once per state of the files, as every solution asks."""
    pattern = re.compile(r"^\s+name:\s*['\"]?([A-Za-z_]\w*)", re.MULTILINE)
    seen: dict[str, tuple[str, ...]] = {}
    for file, _ in stamps:
        for position, text in enumerate(file.read_text(encoding="utf-8").split("\n---")):
            found = pattern.search(text)
            if found and "MLSolution" in text:
                where = f"{file.relative_to(root)}#{position + 1}" if position else str(file.relative_to(root))
                seen[found[1]] = (*seen.get(found[1], ()), where)
    return seen
