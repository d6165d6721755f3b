"""Hyperparameters by name: the papers', and ours for smaller machines."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed

FULL, LORA, TOP_LAYERS = "full", "lora", "top-layers"
METHODS = (FULL, LORA, TOP_LAYERS)


@dataclass(frozen=True)
class Preset:
    """How a model is fine-tuned.

    Attributes:
        method: `full` trains all weights, `lora` adapters of `rank`, `top-layers` the last
            `layers` over stored outputs of the layers below.
        batch: examples of one step, over all devices and accumulation.
        device_batch: examples that a device holds at once.
        rate: highest learning rate.
        epochs: times that every example is seen; counts where `steps` is 0.
        steps: of the optimizer; 0 to go by epochs.
        step_tokens: of `top-layers`: tokens of a step, prompts counted; it goes before `batch`.
        longest: tokens of an example, cut beyond.
        warmup: share of the steps over which the rate rises.
        schedule: of the rate after that: `linear`, `cosine` or `constant`.
        packing: whether short examples share a row; else examples of like length are batched.
        saves: checkpoints over the whole run.
    """

    name: str
    method: str
    batch: int
    device_batch: int
    rate: float
    epochs: float
    longest: int
    steps: int = 0
    step_tokens: int = 0
    weight_decay: float = 0.0
    warmup: float = 0.03
    schedule: str = "cosine"
    packing: bool = False
    rank: int = 16
    layers: int = 6
    clip: float = 1.0
    saves: int = 10

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def changed(self, **values: Any) -> "Preset":
        """Return the preset with the values that are not None in place of its own.

        Raises:
            InvalidInput: a value is out of its range.
        """
        made = replace(self, **{name: value for name, value in values.items() if value is not None})
        made.check()
        return made

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            InvalidInput: naming the value and what is allowed.
        """
        if self.method not in METHODS:
            raise InvalidInput(not_allowed("method", self.method, METHODS))
        for name in ("batch", "device_batch", "rate", "longest", "saves", "rank", "layers"):
            if not getattr(self, name) > 0:
                raise InvalidInput(not_allowed(name, getattr(self, name), "a number above 0"))
        if not (self.steps > 0 or self.epochs > 0):
            raise InvalidInput(not_allowed("epochs", self.epochs, "a number above 0, or steps"))
        if self.device_batch > self.batch:
            allowed = f"at most the batch of {self.batch}"
            raise InvalidInput(not_allowed("device batch", self.device_batch, allowed))


DYNOSAUR = Preset(
    "dynosaur", FULL, batch=128, device_batch=4, rate=3e-4, epochs=3, longest=512
)  # fmt: skip
"""LLaMA-7B as Dynosaur's README has it: batch 128, rate 3e-4, 3 epochs, 512 tokens.

It names no warm-up and no schedule; these are ours.
"""

DYNOSAUR_SEQ2SEQ = Preset(
    "dynosaur", FULL, batch=16, device_batch=4, rate=1e-5, epochs=2, longest=512,
    schedule="constant", warmup=0,
)  # fmt: skip
"""T5-3B as Dynosaur's README has it: batch 16, rate 1e-5, 2 epochs, 512 tokens."""

QDIT = Preset("qdit", FULL, batch=128, device_batch=4, rate=2e-5, epochs=3, longest=512)
"""LLaMA-1 7B as in QDIT (arXiv 2311.14736): batch 128, rate 2e-5, 3 epochs, no weight decay."""

SMALL = Preset(
    "small", LORA, batch=32, device_batch=8, rate=2e-4, epochs=3, longest=1024, packing=True
)
"""Adapters, for a model of up to a few billion weights on one GPU."""

SMOL = Preset(
    "smol", TOP_LAYERS, batch=16, device_batch=16, rate=1e-4, epochs=3, longest=512,
    step_tokens=2_048, saves=4,
)  # fmt: skip
"""The top 6 layers of a model of about 135 million weights, on CPU cores."""

TINY = Preset(
    "tiny", FULL, batch=4, device_batch=2, rate=1e-3, epochs=2, longest=128, saves=4,
    schedule="linear", warmup=0,
)  # fmt: skip
"""For tests alone."""

PRESETS: Mapping[str, Preset] = {
    preset.name: preset for preset in (DYNOSAUR, QDIT, SMALL, SMOL, TINY)
}


def find_preset(name: str, *, sequence_to_sequence: bool = False) -> Preset:
    """Return a preset by its name, in its form for the kind of model.

    Raises:
        InvalidInput: there is none of that name.
    """
    if name not in PRESETS:
        raise InvalidInput(not_allowed("preset", name, PRESETS.keys()))
    return DYNOSAUR_SEQ2SEQ if sequence_to_sequence and name == "dynosaur" else PRESETS[name]
