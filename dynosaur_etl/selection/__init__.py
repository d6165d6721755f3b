"""Selection of points that are good and that together cover a pool.

    from dynosaur_etl.selection import qdit
    found = qdit(embeddings, 1000, quality)

What is listed in `__all__` is loaded at its first use, so that importing this package is light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynosaur_etl.selection.graph.building import build_graph
    from dynosaur_etl.selection.graph.neighbour_graph import NeighbourGraph
    from dynosaur_etl.selection.graph.updating import update_graph
    from dynosaur_etl.selection.information.mig import mig
    from dynosaur_etl.selection.methods import METHODS, select_by
    from dynosaur_etl.selection.problem.budget import Budget
    from dynosaur_etl.selection.problem.problem import GroundSet
    from dynosaur_etl.selection.problem.result import Selection
    from dynosaur_etl.selection.problem.specification import Specification
    from dynosaur_etl.selection.quality_diversity import qdit, select

__all__ = [
    "METHODS",
    "Budget",
    "GroundSet",
    "NeighbourGraph",
    "Selection",
    "Specification",
    "build_graph",
    "mig",
    "qdit",
    "select",
    "select_by",
    "update_graph",
]

_HOMES = {
    "METHODS": "methods",
    "Budget": "problem.budget",
    "GroundSet": "problem.problem",
    "NeighbourGraph": "graph.neighbour_graph",
    "Selection": "problem.result",
    "Specification": "problem.specification",
    "build_graph": "graph.building",
    "mig": "information.mig",
    "qdit": "quality_diversity",
    "select": "quality_diversity",
    "select_by": "methods",
    "update_graph": "graph.updating",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
