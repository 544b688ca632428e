"""Which encoder makes the output, in which pixel format, with which settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av

from pipelines.media.hdr import NO_HDR, Hdr
from pipelines.media.planes import PlanarFormat
from pipelines.media.scheduling import priority_kept
from videoinv.errors import BadInputError

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Suffixes of an output and libav's names of their formats."""


@dataclass(frozen=True)
class Settings:
    """How one encoder is asked for constant quality."""

    crf: int | None = None
    """Default quality, lower is better, each on the encoder's own scale; ``None``: it has none."""
    preset: str | None = None
    crf_option: str = "crf"
    preset_option: str = "preset"
    fixed: dict[str, str] = field(default_factory=dict)
    worst: int = 51
    """The highest quality setting on its scale; the lowest is 0."""

    def options(self, crf: int | None, preset: str | None) -> dict[str, str]:
        """The encoder's options; ``None`` takes the default."""
        chosen = dict(self.fixed)
        quality, speed = (crf if crf is not None else self.crf), (preset or self.preset)
        if quality is not None:
            chosen[self.crf_option] = str(quality)
        if speed is not None:
            chosen[self.preset_option] = speed
        return chosen


# The defaults keep what nobody edited at 40 dB or more against the decoded source. Encoders that
# are not listed run at their own defaults.
ENCODERS: dict[str, Settings] = {
    "libx264": Settings(16, "medium"),
    "libx265": Settings(16, "fast", fixed={"x265-params": "log-level=error"}),
    "libvpx-vp9": Settings(
        16,
        "4",
        preset_option="cpu-used",
        fixed={"b": "0", "row-mt": "1", "deadline": "good"},
        worst=63,
    ),
    "libsvtav1": Settings(18, "8", worst=63),
    "h264_nvenc": Settings(18, "p5", "cq", fixed={"rc": "vbr", "b": "0"}),
    "hevc_nvenc": Settings(18, "p5", "cq", fixed={"rc": "vbr", "b": "0"}),
    "av1_nvenc": Settings(22, "p5", "cq", fixed={"rc": "vbr", "b": "0"}),
    "h264_qsv": Settings(18, "medium", "global_quality"),
    "hevc_qsv": Settings(18, "medium", "global_quality"),
    # Constant quality exists on some Macs only.
    "h264_videotoolbox": Settings(fixed={"b": "24M"}),
    "hevc_videotoolbox": Settings(fixed={"b": "24M"}),
}


# For 8 bits per sample and for more.
_DEFAULTS = {"webm": ("libvpx-vp9", "libsvtav1"), "others": ("libx264", "libx265")}
HARDWARE = "hardware"
"""Asks for whatever encoder this machine has in hardware."""
# For 8 bits per sample and for more.
_HARDWARE = {
    "others": (
        ("h264_nvenc", "h264_qsv", "h264_videotoolbox", "h264_amf"),
        ("hevc_nvenc", "hevc_qsv", "hevc_videotoolbox", "hevc_amf"),
    ),
    "webm": (("av1_nvenc", "av1_qsv", "av1_amf"),) * 2,
}
# Where a container can hold an alpha channel, what writes it.
_WITH_ALPHA = {"webm": "libvpx-vp9", "matroska": "libvpx-vp9", "mov": "prores_ks"}


@dataclass(frozen=True)
class Encoding:
    """The choice for one output."""

    codec: str
    working: PlanarFormat
    """In which edited pixels are painted."""
    pixel_format: str
    """What the encoder takes: the working format, or its two-plane twin on some hardware."""
    options: dict[str, str]
    losses: tuple[str, ...]
    """What of the source's pixels the encoder cannot keep, for the report."""


def container_format(path: Path) -> str:
    """The name in libav of the container that the suffix asks for.

    Raises:
        BadInputError: if the suffix is none of ``CONTAINERS``.
    """
    try:
        return CONTAINERS[path.suffix.lower()]
    except KeyError:
        raise BadInputError(
            f"output {path}: the suffix '{path.suffix}' names no container that can be written; "
            f"use one of {', '.join(CONTAINERS)}"
        ) from None


def choose_encoding(
    container: str,
    source: PlanarFormat,
    size: tuple[int, int],
    *,
    codec: str | None,
    crf: int | None,
    preset: str | None,
    hdr: Hdr = NO_HDR,
) -> Encoding:
    """The encoder and the pixel format that keep most of the source.

    By default 8-bit video becomes H.264, or VP9 in WebM. Deeper video becomes HEVC, because hardly
    any player shows 10 bits in H.264, and AV1 in WebM. Alpha becomes VP9, or ProRes 4444 in mov.

    Args:
        container: libav's name of the output container.
        source: the source's format, after a turn of the picture.
        size: (width, height) of the output.
        codec: an encoder's name in libav, "hardware" for the first of this machine's that works
            (else the default), or ``None`` for the default.
        crf: quality on the encoder's scale, ``None`` for the default.
        preset: the encoder's speed setting, ``None`` for the default.
        hdr: what the source says about its mastering.

    Raises:
        BadInputError: if libav has no video encoder of that name, or its quality has another range.
    """
    encoding = partial(_encoding, source=source, size=size, crf=crf, preset=preset, hdr=hdr)
    usual = _default_codec(container, source)
    if codec != HARDWARE:
        return encoding(codec or usual)
    for name in _HARDWARE["webm" if container == "webm" else "others"][source.depth > 8]:
        if name in av.codecs_available and _opens(found := encoding(name), size):
            return found
    loss = f"hardware encoder: none works here, so {usual} was taken"
    return replace(software := encoding(usual), losses=(loss, *software.losses))


def _encoding(
    name: str,
    *,
    source: PlanarFormat,
    size: tuple[int, int],
    crf: int | None,
    preset: str | None,
    hdr: Hdr,
) -> Encoding:
    encoder = _encoder(name)
    codec = encoder.name
    # Some hardware encoders list no formats; all of them take 8-bit 4:2:0.
    taken = {pixels.name for pixels in encoder.video_formats or ()} or {"yuv420p"}
    # 4:2:0 halves both sides, and H.264 and HEVC can only hold whole chroma samples: an odd size
    # needs 4:4:4. VP9 and AV1 round up by themselves.
    odd = bool(size[0] % 2 or size[1] % 2) and any(part in codec for part in ("26", "hevc"))
    wanted = replace(source, chroma="444") if odd else source
    working, pixel_format = _nearest(wanted, taken)
    settings = ENCODERS.get(codec, Settings())
    # x264 and x265 take any number and stop at their worst without a word.
    if crf is not None and settings.crf is not None and not 0 <= crf <= settings.worst:
        raise BadInputError(f"--crf is {crf}; {codec} allows 0 to {settings.worst}")
    options = settings.options(crf, preset)
    if working.alpha and codec == "libvpx-vp9":
        options["auto-alt-ref"] = "0"  # its invisible frames have no place for alpha
    losses = [*_losses(source, working, codec), *hdr.losses(codec)]
    return Encoding(codec, working, pixel_format, hdr.added_to(options, codec), tuple(losses))


def _default_codec(container: str, source: PlanarFormat) -> str:
    if source.alpha and container in _WITH_ALPHA:
        return _WITH_ALPHA[container]
    ordinary, deep = _DEFAULTS.get(container, _DEFAULTS["others"])
    return ordinary if source.depth == 8 else deep


def _opens(encoding: Encoding, size: tuple[int, int]) -> bool:
    """Whether an encoder works on this machine: hardware is there only when it opens."""
    context = av.CodecContext.create(encoding.codec, "w")
    assert isinstance(context, av.VideoCodecContext)  # _encoder lets no other pass
    context.width, context.height = size
    context.pix_fmt = encoding.pixel_format
    context.time_base = Fraction(1, 30)
    context.options = dict(encoding.options)
    try:
        with priority_kept():
            context.open()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _encoder(name: str) -> av.Codec:
    """The video encoder of that name; the name of a codec, such as "hevc", gives its first."""
    try:
        found = av.Codec(name, "w")
    except (av.error.FFmpegError, ValueError):
        found = None
    if found is None or found.type != "video":
        raise BadInputError(
            f"no video encoder '{name}' in this build of libav; "
            f"common ones are {', '.join(ENCODERS)}"
        )
    return found


def _nearest(wanted: PlanarFormat, taken: set[str]) -> tuple[PlanarFormat, str]:
    """The best planar format for ``wanted`` and the encoder's name for it."""
    for working in _by_preference(wanted):
        if working.name in taken:
            return working, working.name
        twin = {"yuv420p": "nv12", "yuv420p10le": "p010le"}.get(working.name)
        if twin in taken:
            return working, twin
    raise BadInputError(
        f"the encoder takes none of the pixel formats that can be written, only "
        f"{', '.join(sorted(taken))}; choose one of {', '.join(ENCODERS)}"
    )


def _by_preference(wanted: PlanarFormat) -> Iterator[PlanarFormat]:
    """``wanted``, then what loses chroma, then depth, then alpha; more chroma before less."""
    chromas = {"420": ("420", "422", "444"), "422": ("422", "444", "420")}
    depths = {8: (8, 10, 12), 10: (10, 12, 8), 12: (12, 10, 8)}
    for alpha in (True, False) if wanted.alpha else (False,):
        for depth in depths[wanted.depth]:
            for chroma in chromas.get(wanted.chroma, ("444", "422", "420")):
                yield PlanarFormat(chroma, depth, alpha)


def _losses(source: PlanarFormat, working: PlanarFormat, codec: str) -> Iterator[str]:
    if source.alpha and not working.alpha:
        yield f"alpha channel: {codec} has none"
    if source.depth > working.depth:
        yield f"{source.depth} bits per sample: {codec} keeps {working.depth}"
    if source.chroma > working.chroma:  # "420" < "422" < "444"
        yield f"{source.chroma} chroma: {codec} keeps {working.chroma}"
