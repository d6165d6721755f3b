"""Fits which names of fields speak of the record and which of its content; writes `roles.json`.

The names were sorted by hand (`labelled/field_names.json`). It prints the share that ten-fold
cross-validation tells right.

Usage: python -m tests.proposals.fit_roles   (scikit-learn is needed, for this alone)
"""

import json
from pathlib import Path

from dynosaur_etl.inference.embedding import Embedder

NAMES = Path(__file__).parent / "labelled" / "field_names.json"
WEIGHTS = Path(__file__).resolve().parents[2] / "dynosaur_etl" / "proposals" / "roles.json"
STRENGTH = 10.0


def main() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    sorted_names = json.loads(NAMES.read_text(encoding="utf-8"))
    of_record, of_content = sorted_names["of the record"], sorted_names["of its content"]
    vectors = Embedder(precision="float32").embed([*of_record, *of_content])
    classes = [1] * len(of_record) + [0] * len(of_content)
    model = LogisticRegression(C=STRENGTH, max_iter=3_000)
    right = cross_val_score(model, vectors, classes, cv=10).mean()
    print(f"{len(classes)} names, {right:.1%} told right")  # noqa: T201
    model.fit(vectors, classes)
    weights = {
        "bias": round(float(model.intercept_[0]), 4),
        "weights": [round(float(weight), 4) for weight in model.coef_[0]],
    }
    WEIGHTS.write_text(json.dumps(weights) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
