"""Keep the weights that did best on the validation split.

They lie in the run folder beside the state, so a run that was stopped goes on with the best so far.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from seehear.errors import ModelError

FILE = "best.safetensors"


class BestWeights:
    """Weights of the best validation so far, with its numbers, in one file.

    Args:
        folder: run folder.
        score: name of the number that decides; higher is better.
    """

    def __init__(self, folder: Path, score: str) -> None:
        self.path, self.score = folder / FILE, score

    @property
    def numbers(self) -> dict[str, float]:
        """All numbers of the best validation; empty before the first.

        Raises:
            ModelError: the file is damaged.
        """
        if not self.path.is_file():
            return {}
        try:
            with safe_open(str(self.path), framework="pt") as stream:
                read = json.loads(stream.metadata()["numbers"])
        except SafetensorError as error:
            raise ModelError(f"{self.path} is damaged; delete it to choose anew") from error
        return {str(name): float(value) for name, value in read.items()}

    def offer(self, module: nn.Module, numbers: dict[str, float]) -> bool:
        """Keep the weights if their score is better than all before; says whether it was."""
        if numbers[self.score] <= self.numbers.get(self.score, float("-inf")):
            return False
        # Clones: tensors that share memory are refused by the format.
        state = module.state_dict().items()
        tensors = {name: value.detach().cpu().contiguous().clone() for name, value in state}
        # Several processes of one run may come here at once.
        part = self.path.with_name(f"{FILE}.{os.getpid()}.part")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, str(part), metadata={"numbers": json.dumps(numbers)})
        part.replace(self.path)
        return True

    def restore(self, module: nn.Module) -> dict[str, float]:
        """Put the best weights into the module; nothing happens before the first validation.

        Returns:
            Numbers of that validation.

        Raises:
            ModelError: the file is damaged or belongs to another model.
        """
        numbers = self.numbers
        if numbers:
            try:
                module.load_state_dict(load_file(self.path))
            except RuntimeError as error:
                raise ModelError(
                    f"{self.path} belongs to another model; use a new run folder"
                ) from error
        return numbers
