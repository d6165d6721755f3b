"""How the house stands: sizes, names and arrows, read from the code; `python -m tests.house`.

Every figure has its limit in `LIMITS`; `tests/test_house.py` holds them.
"""

import ast
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("dynosaur_etl", "plugins/dynosaur_airflow")
NOT_COUNTED = "migrations/versions"

ROOMS = (
    "domain", "net", "settings", "inference", "store", "forms", "hub", "llm", "proposals",
    "instances", "quality", "selection", "snapshots", "training", "local", "flows", "pages", "cli",
    "__main__",
)  # fmt: skip
"""From the ground up: a room imports those before it, and none after it."""

STAGES = (
    "runtime", "poll", "propose", "fill", "prepare", "select", "snapshot", "train", "upkeep",
    "views",
)  # fmt: skip

LONG = 400
RAW = frozenset({"dict[str, Any]", "Mapping[str, Any]"})

LIMITS: Mapping[str, float] = {
    "median lines of a function": 7,
    "p90 lines of a function": 20,
    "files over 400 lines": 0,
    "files of tests over 400 lines": 0,
    "circles of files": 0,
    "arrows that climb": 0,
    "arrows between stages": 0,
    "foreign private names": 0,
    "names of two types": 0,
    "percent of functions that give raw dicts": 2.2,
}


@dataclass(frozen=True)
class Arrow:
    """An import of a module of ours, and the name taken from it where it takes one."""

    source: str
    target: str
    name: str = ""


@dataclass(frozen=True)
class House:
    """Every module of ours by its dotted name."""

    trees: Mapping[str, ast.Module]
    lines: Mapping[str, int]

    @cached_property
    def arrows(self) -> tuple[Arrow, ...]:
        """Every import of ours, wherever in a file it stands, but for those of types alone."""
        return tuple(
            arrow
            for module, tree in self.trees.items()
            for arrow in arrows_of(module, tree, self.trees)
        )

    @cached_property
    def functions(self) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]:
        return tuple(
            node
            for tree in self.trees.values()
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )


def read_house(root: Path = ROOT) -> House:
    """Read the product's modules."""
    trees, lines = {}, {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            if NOT_COUNTED in path.as_posix():
                continue
            name = ".".join(path.relative_to((root / package).parent).with_suffix("").parts)
            text = path.read_text()
            trees[name.removesuffix(".__init__")] = ast.parse(text)
            lines[name.removesuffix(".__init__")] = text.count("\n")
    return House(trees, lines)


def arrows_of(
    module: str, tree: ast.AST, modules: Iterable[str], *, with_types: bool = False
) -> Iterator[Arrow]:
    """Yield a module's imports of ours; `from package import module` leads to the module."""
    known = set(modules)
    for node in ast.walk(tree) if with_types else walk_without_types(tree):
        if isinstance(node, ast.Import):
            yield from (Arrow(module, alias.name) for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = inner in known
                yield Arrow(module, inner if is_module else str(node.module), alias.name)


def walk_without_types(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk over everything but what stands under `if TYPE_CHECKING`."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending.extend(node.orelse)
        else:
            pending.extend(ast.iter_child_nodes(node))


def room_of(module: str) -> str:
    """Return the room of a module of the product; of the plugin's, an empty text."""
    parts = module.split(".")
    return parts[1] if parts[0] == "dynosaur_etl" and len(parts) > 1 else ""


def stage_of(module: str) -> str:
    """Return the stage of a module of the flows, else an empty text."""
    parts = module.split(".")
    is_staged = len(parts) > 2 and parts[1] == "flows" and parts[2] in STAGES
    return parts[2] if is_staged else ""


def climbing(house: House) -> list[Arrow]:
    """List the imports that lead from a room to one that stands on it."""
    heights = {room: height for height, room in enumerate(ROOMS)}
    return [
        arrow
        for arrow in house.arrows
        if room_of(arrow.source)
        and room_of(arrow.target)
        and heights[room_of(arrow.target)] > heights[room_of(arrow.source)]
    ]


def between_stages(house: House) -> list[Arrow]:
    """List the imports from one stage of the flows into another, or into what joins stages.

    All may use `runtime`; what joins stages stands beside them, and none of them knows it.
    """
    return [
        arrow
        for arrow in house.arrows
        if stage_of(arrow.source)
        and room_of(arrow.target) == "flows"
        and stage_of(arrow.target) not in ("runtime", stage_of(arrow.source))
    ]


def circles(house: House) -> list[list[str]]:
    """List the groups of files that import one another in a circle."""
    following: dict[str, set[str]] = defaultdict(set)
    for arrow in house.arrows:
        if arrow.source != arrow.target:
            following[arrow.source].add(arrow.target)
    reach = {module: _reachable(module, following) for module in house.trees}
    groups = {
        frozenset(other for other in reach[module] if module in reach[other]) for module in reach
    }
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _reachable(module: str, following: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    pending = [module]
    while pending:
        for target in following.get(pending.pop(), ()):
            if target not in seen:
                seen.add(target)
                pending.append(target)
    return seen


def foreign_private_names(house: House) -> list[str]:
    """List the private names of one module that another one takes."""
    taken = [
        f"{arrow.source} takes {arrow.target}.{arrow.name}"
        for arrow in house.arrows
        if _is_private(arrow.name) and not _is_private(arrow.target.rpartition(".")[2])
    ]
    return sorted(
        [*taken, *(found for name in house.trees for found in _reached_into(house, name))]
    )


def _reached_into(house: House, module: str) -> Iterator[str]:
    """Yield the private names that a module takes as `other._name`."""
    tree = house.trees[module]
    named = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if f"{node.module}.{alias.name}" in house.trees
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in named
            and _is_private(node.attr)
        ):
            yield f"{module} takes {node.value.id}.{node.attr}"


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def names_of_two_types(house: House) -> list[str]:
    """List the public type names that more than one module defines."""
    counted = Counter(
        node.name
        for tree in house.trees.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not _is_private(node.name)
    )
    return sorted(name for name, number in counted.items() if number > 1)


def giving_raw_dicts(house: House) -> list[str]:
    """List the functions of the flows whose result is a dict of anything."""
    return sorted(
        f"{module}.{node.name}"
        for module, tree in house.trees.items()
        if room_of(module) == "flows"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.returns is not None
        and any(raw in ast.unparse(node.returns) for raw in RAW)
    )


def _function_lines(house: House) -> list[int]:
    return sorted((node.end_lineno or 0) - node.lineno + 1 for node in house.functions)


def figures(house: House) -> dict[str, float]:
    """Return every figure that `LIMITS` bounds."""
    lengths = _function_lines(house)
    of_flows = sum(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for module, tree in house.trees.items()
        if room_of(module) == "flows"
        for node in ast.walk(tree)
    )
    return {
        "median lines of a function": statistics.median(lengths),
        "p90 lines of a function": statistics.quantiles(lengths, n=10)[-1],
        "files over 400 lines": len(long_files(house)),
        "files of tests over 400 lines": len(long_tests()),
        "circles of files": len(circles(house)),
        "arrows that climb": len(climbing(house)),
        "arrows between stages": len(between_stages(house)),
        "foreign private names": len(foreign_private_names(house)),
        "names of two types": len(names_of_two_types(house)),
        "percent of functions that give raw dicts": round(
            100 * len(giving_raw_dicts(house)) / of_flows, 1
        ),
    }


def long_files(house: House) -> list[str]:
    """List the modules of more than 400 lines."""
    return [f"{module}: {number}" for module, number in house.lines.items() if number > LONG]


def long_tests(root: Path = ROOT) -> list[str]:
    """List the files of the tests that have more than 400 lines."""
    lines = {path: path.read_text().count("\n") for path in sorted((root / "tests").rglob("*.py"))}
    return [f"{path.relative_to(root)}: {n}" for path, n in lines.items() if n > LONG]


def main() -> None:
    """Print every figure beside its limit, and what stands behind those that are over it."""
    house = read_house()
    for name, value in figures(house).items():
        print(f"{name:42} {value:8g}   at most {LIMITS[name]:g}")  # noqa: T201
    findings: dict[str, Iterable[object]] = {
        "files over 400 lines": long_files(house),
        "files of tests over 400 lines": long_tests(),
        "circles of files": circles(house),
        "arrows that climb": climbing(house),
        "arrows between stages": between_stages(house),
        "foreign private names": foreign_private_names(house),
        "names of two types": names_of_two_types(house),
        "functions that give raw dicts": giving_raw_dicts(house),
    }
    for name, found in findings.items():
        for line in found:
            print(f"{name}: {line}")  # noqa: T201


if __name__ == "__main__":
    main()
