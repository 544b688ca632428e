"""``videoinv train-heads``: fit the default generator's image heads."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from videoinv.devices import has_fast_bfloat16
from videoinv.errors import BadInputError
from videoinv.generators.mobilestylegan_weights import load_mobilestylegan
from videoinv.losses.lpips import load_lpips
from videoinv.training.fit_heads import HeadRecipe, fit_heads, score_heads


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``train-heads`` to the command line."""
    recipe = HeadRecipe()
    parser = commands.add_parser(
        "train-heads",
        help="fit the image heads of the default generator",
        description="Fit the heads that make 128, 256 and 512 px images without the last blocks.",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="SAFETENSORS")
    parser.add_argument("--seconds", type=float, default=recipe.seconds)
    parser.add_argument("--learning-rate", type=float, default=recipe.learning_rate)
    parser.add_argument("--seed", type=int, default=recipe.seed)
    parser.add_argument(
        "--resume", action="store_true", help="go on from the heads that the package ships"
    )
    parser.add_argument(
        "--score", type=int, metavar="N", help="only score the shipped heads on N fresh samples"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fit or score the heads."""
    generator = load_mobilestylegan()
    if args.score is not None:
        for size, (psnr, lpips) in score_heads(generator, load_lpips(), args.score).items():
            print(f"{size} px: PSNR {psnr:.2f} dB, LPIPS {lpips:.4f}")
        return 0
    if args.output is None:
        raise BadInputError("-o FILE is missing: where shall the fitted heads go?")
    if has_fast_bfloat16(torch.device("cpu")):
        generator = generator.to(torch.bfloat16)
    recipe = replace(
        HeadRecipe(), seconds=args.seconds, learning_rate=args.learning_rate, seed=args.seed
    )
    fit_heads(generator, args.output, recipe, load_lpips(), resume=args.resume)
    return 0
