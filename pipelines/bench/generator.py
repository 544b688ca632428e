"""``videoinv bench generator``: StyleGAN2's forward pass and feature edit, timed side by side.

Both sides of a comparison take turns, so that whatever else the machine does meets both alike;
the ratio reported is the median over the turns. Weights are random: time does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from pipelines.bench.clock import timed
from pipelines.bench.reference_stylegan2 import reference_synthesis
from pipelines.folders import require_folders_of
from pipelines.json_values import plain
from videoinv.checkpoints.cache import write_path
from videoinv.devices import DTYPES, resolve_device
from videoinv.editing.delta import edit_features
from videoinv.generators.stylegan2 import StyleGAN2
from videoinv.generators.stylegan2_names import StyleGAN2Config
from videoinv.latents import Features, Latent

_WIDTH = 512  # of config-f: length of a code, and channels of the coarse layers
_FEATURE_LAYER = 4  # K = 5 of the Feature-Style paper


@dataclass(frozen=True)
class Comparison:
    """One thing done in two ways."""

    what: str
    dtype: str
    batch: int
    ours_s: float
    """Median seconds of the way under test."""
    other_s: float
    """Median seconds of the way that it is compared with."""
    speedup: float
    """Median over the turns of other / ours."""
    difference: float
    """Largest difference of the two images over the largest value."""


def add_parser(measurements: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``generator`` to the measurements."""
    summary = "StyleGAN2 against a grouped-convolution implementation, and the feature edit"
    parser = measurements.add_parser("generator", help=summary, description=summary)
    parser.add_argument("--size", type=int, default=1024, help="pixels (default: 1024)")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4], metavar="B")
    parser.add_argument("--dtype", nargs="+", choices=tuple(DTYPES), default=None)
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, cuda:N (default: cpu)")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each (default: 3)")
    parser.add_argument("--report", type=Path, help="write the figures as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, print one line per comparison, and write the report."""
    device = resolve_device(args.device)
    require_folders_of(args.report)
    comparisons = []
    for dtype in args.dtype or ["float32", "bfloat16"]:
        generator = random_generator(args.size).to(device).to(DTYPES[dtype])
        for batch in args.batch:
            comparisons.append(compare_forward(generator, dtype, batch, args.repeats))
            print(_line(comparisons[-1]), flush=True)
        comparisons.append(compare_feature_edit(generator, dtype, args.repeats))
        print(_line(comparisons[-1]), flush=True)
    if args.report:
        report = {"machine": _machine(device), "comparisons": [asdict(c) for c in comparisons]}
        text = json.dumps(plain(report), indent=2, allow_nan=False)
        with write_path(args.report, "the report") as part:
            part.write_text(text + "\n", encoding="utf-8")
    return 0


def random_generator(size: int) -> StyleGAN2:
    """A StyleGAN2 of config-f's width with random weights, ready for inference."""
    levels = size.bit_length() - 2
    channels = tuple(min(_WIDTH, _WIDTH * 16 >> level) for level in range(levels))
    torch.manual_seed(0)
    generator = StyleGAN2(StyleGAN2Config(channels, latent=_WIDTH)).eval().requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            parameter.fill_(0.1)
    return generator


def compare_forward(generator: StyleGAN2, dtype: str, batch: int, repeats: int) -> Comparison:
    """A full pass against the grouped-convolution implementation on the same weights."""
    kind = DTYPES[dtype]
    tensors = {name: tensor.to(kind) for name, tensor in generator.state_dict().items()}
    latent = Latent(_codes(generator, batch))
    return _compare(
        "forward, grouped convolution",
        (dtype, batch),
        lambda: generator.synthesize(latent),
        lambda: reference_synthesis(tensors, latent.codes.to(kind)),
        repeats,
    )


def compare_feature_edit(generator: StyleGAN2, dtype: str, repeats: int) -> Comparison:
    """Eq. (1) by passes that stop at layer K, against three full passes, for one image."""
    both = _codes(generator, 2)
    codes, edited = both[:1], both[1:]
    layer = min(_FEATURE_LAYER, generator.layers - 1)
    latent = Latent(codes, Features(generator.features(codes, layer), layer))
    edited_latent = edit_features(generator, latent, edited)

    def three_passes() -> torch.Tensor:
        generator.synthesize(Latent(codes))
        generator.synthesize(Latent(edited))
        return generator.synthesize(edited_latent)

    return _compare(
        "feature edit, three passes",
        (dtype, 1),
        lambda: generator.synthesize(edit_features(generator, latent, edited)),
        three_passes,
        repeats,
    )


@torch.inference_mode()
def _compare(
    what: str,
    setting: tuple[str, int],
    ours: Callable[[], torch.Tensor],
    other: Callable[[], torch.Tensor],
    repeats: int,
) -> Comparison:
    image, expected = ours().float(), other().float()
    device = image.device
    difference = float((image - expected).abs().max() / expected.abs().max())
    turns = [(timed(device, ours)[1], timed(device, other)[1]) for _ in range(repeats)]
    return Comparison(
        what,
        *setting,
        ours_s=statistics.median(a for a, _ in turns),
        other_s=statistics.median(b for _, b in turns),
        speedup=statistics.median(b / a for a, b in turns),
        difference=difference,
    )


def _codes(generator: StyleGAN2, count: int) -> torch.Tensor:
    noise = torch.randn(count, generator.config.latent, generator=torch.Generator().manual_seed(1))
    return generator.map(noise.to(generator.device))


def _line(comparison: Comparison) -> str:
    c = comparison
    return (
        f"{c.what:30} {c.dtype:9} batch {c.batch}: {c.ours_s:7.3f} s against {c.other_s:7.3f} s, "
        f"{c.speedup:.2f} times as fast ({1 / c.speedup:.2f} x), difference {c.difference:.1e}"
    )


def _machine(device: torch.device) -> dict[str, str | int | Sequence[float]]:
    return {
        "device": str(device),
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg() if sys.platform != "win32" else (),
        "torch": torch.__version__,
    }
