"""A mode's outcome as a `Selection`, with every parameter that was used."""

from typing import Any

import numpy as np

from dynosaur_etl.selection.modes import ModeChoice
from dynosaur_etl.selection.problem.problem import SelectionProblem
from dynosaur_etl.selection.problem.result import Outcome, Selection


def recorded(problem: SelectionProblem, outcome: Outcome, choice: ModeChoice) -> Selection:
    """Return the selection that an outcome holds."""
    order = np.array(outcome.state.order, np.int64)
    one = float(outcome.resolution.one(problem.embeddings.shape[1]))
    weights = problem.weights
    machine = {"memory_limit": choice.machine.memory_limit, "cores": choice.machine.cores}
    return Selection(
        order=order,
        gain=np.array(outcome.state.gains, np.float64) / (one * weights.unit),
        coverage=(outcome.start + np.cumsum(outcome.rises)) / (one * weights.total),
        quality=None if problem.quality is None else problem.quality[order],
        method=outcome.method,
        params=bounds(problem) | _used(problem, outcome) | outcome.params,
        diagnostics=outcome.diagnostics
        | {"mode_reason": choice.reason}
        | machine
        | problem.reached_target(order),
        ids=None if problem.ids is None else [problem.ids[at] for at in order.tolist()],
    )


def bounds(problem: SelectionProblem) -> dict[str, Any]:
    """Return what was asked for of any method, as plain JSON values."""
    rules, constraints = problem.specification, problem.constraints
    return {
        "k": None if rules.k is None else int(rules.k),
        "budget": None if rules.budget is None else int(rules.budget),
        "pool": len(problem),
        "dimensions": problem.embeddings.shape[1],
        "anchors": 0 if problem.anchors is None else len(problem.anchors),
        "anchors_in_pool": len(constraints.excluded),
        "must_include": len(constraints.must_include),
        "weighted": problem.weights.whole is not None,
        "groups": len(constraints.grouping.capacity),
        "group_cap": int(constraints.grouping.capacity.max()),
        "seed": int(rules.seed),
    }


def _used(problem: SelectionProblem, outcome: Outcome) -> dict[str, Any]:
    rules = problem.specification
    raw = rules.normalise == "raw"
    scale = "raw" if raw else rules.quality_scale
    return {
        "mode_requested": rules.mode,
        "alpha": float(rules.alpha),
        "normalise": rules.normalise,
        "alpha_used": problem.used_alpha,
        "similarity": "cosine, below 0 counted as 0",
        "similarity_bits": outcome.resolution.bits,
        "gain_unit": 1.0 if raw else outcome.reference.gain,
        "quality_scale": None if problem.quality is None else scale,
    }
