"""``--adapt``: the model's encoder learns a clip's faces before the clip is inverted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from pipelines.clip_faces import clip_faces
from videoinv.devices import has_fast_bfloat16
from videoinv.encoders.light.files import LightEncoder
from videoinv.errors import BadInputError
from videoinv.model import Model
from videoinv.training.adapt import adapt
from videoinv.training.loop import Values


def adapted(model: Model, clip: Path, steps: int) -> Model:
    """The model with its encoder fine-tuned on the clip for so many steps.

    Raises:
        BadInputError: if the encoder is not one that can learn, or the clip shows no face.
        MediaError: if the clip cannot be read.
    """
    encoder = model.encoder
    if not isinstance(encoder, get_args(LightEncoder)):
        raise BadInputError(
            f"--adapt trains the default model's encoders; {model.info.system} has none: leave "
            "--adapt out, or choose another --encoder"
        )
    crops = clip_faces(clip, encoder.input_size)
    with tqdm(total=steps, desc="adapt", disable=None) as bar:

        def advance(step: int, values: Values) -> None:
            bar.set_postfix_str(f"LPIPS {values['result/lpips']:.3f}")
            bar.update(step - bar.n)

        learnt = adapt(
            encoder,
            crops,
            steps,
            bfloat16=has_fast_bfloat16(model.generator.device),
            report=advance,
        )
    info = replace(model.info, system=f"{model.info.system}, adapted in {steps} steps")
    return replace(model, encoder=learnt, info=info)
