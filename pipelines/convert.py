"""``videoinv models convert``: a published checkpoint as one safetensors file."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.folders import existing_files, require_apart, require_folders_of
from videoinv.published.convert import save_model
from videoinv.published.load import load_model


def add_parser(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``convert`` to the actions of ``videoinv models``."""
    summary = "turn a published checkpoint into one safetensors file with its origin and terms"
    parser = actions.add_parser("convert", help=summary, description=summary)
    parser.add_argument("source", metavar="SOURCE", help="a checkpoint file or a catalog name")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the .safetensors to write"
    )
    parser.add_argument(
        "--generator",
        metavar="FILE",
        help="generator for a checkpoint without its own (HyperInverter); becomes part of the file",
    )
    parser.add_argument(
        "--encoder", metavar="FILE", help="take the encoder from this file instead of SOURCE"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert, and say what was converted.

    Raises:
        CheckpointError: the source is damaged, unsafe or of no known system.
        OutputError: the file cannot be written, or would overwrite what it is made of.
    """
    inputs = existing_files([args.source, args.generator, args.encoder])
    require_apart([("output", args.output)], inputs)
    require_folders_of(args.output)
    model = load_model(args.source, generator=args.generator, encoder=args.encoder, device="cpu")
    save_model(model, args.output)
    info = model.info
    print(f"{args.output}  {args.output.stat().st_size / 1e6:.1f} MB")
    print(f"  system      {info.system}")
    print(f"  resolution  {info.resolution}, {info.styles} rows, {info.steps} steps")
    print(f"  source      {info.source}")
    print(f"  sha256      {info.digest} (of the source)")
    print(f"  terms       {info.terms}")
    return 0
