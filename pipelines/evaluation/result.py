"""A result against its source, frame by frame, in memory of two crops and a few numbers a frame."""

from __future__ import annotations

import torch

from pipelines.evaluation.aligned import AlignedLandmarks
from pipelines.evaluation.networks import Networks
from pipelines.evaluation.over_time import CropMotion, IdentityOverTime
from pipelines.evaluation.picture import Picture
from pipelines.evaluation.scores import ClipScores, FrameScores, mean
from pipelines.evaluation.source import Look, SourceView, look, lpips_between, unit_embedding
from stabilization.measures import Breathing, lpips_difference
from stabilization.warping import WarpingError, flow_difference
from videoinv.faces.types import Points
from videoinv.losses.pixel import squared_error
from videoinv.metrics.reconstruction import psnr
from videoinv.metrics.ssim import ssim


class ResultScorer:
    """Scores one result; several may share the views of one source."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self.frames: list[FrameScores] = []
        """Those scored so far."""
        self._total = self._lost = 0
        self._previous: Look | None = None
        self._shot = -1
        self._warping = WarpingError()
        self._landmarks = AlignedLandmarks()
        self._identity = IdentityOverTime()
        self._source_motion, self._motion = CropMotion(), CropMotion()

    @torch.no_grad()
    def push(self, time: float, view: SourceView | None, picture: Picture | None) -> Look | None:
        """Take the next frame of the source with its result.

        Args:
            time: of the frame in seconds.
            view: of the source; ``None`` if no face is seen in it, which is not scored.
            picture: the result's; ``None`` if it has no such frame.

        Returns:
            The result's crop, for pictures.
        """
        index, self._total = self._total, self._total + 1
        if view is None or picture is None:
            self._away()
            return None
        if view.shot != self._shot:
            self._away()
            self._shot = view.shot
        now, current = self._look(view, picture)
        self.frames.append(self._score(index, time, view, now, current))
        self._landmark(time, view, picture)
        self._previous = now
        return now

    def finish(self) -> ClipScores:
        """The measures of the whole clip."""
        self._away()
        steady = self._landmarks.finish()
        identity = self._identity.result()
        crop, source_crop = self._motion.breathing(), self._source_motion.breathing()
        return ClipScores(
            frames=self._total,
            scored=len(self.frames),
            lost=self._lost,
            **{name: self._mean(name) for name in ("ssim", "psnr", "mse", "lpips", "identity")},
            tl_id=identity.local if identity else None,
            tg_id=identity.overall if identity else None,
            warping_error=self._warping.mean,
            source_warping_error=self._mean("source_warping_error"),
            tof=self._mean("tof"),
            tlp=self._tlp(),
            jitter=steady.jitter if steady else None,
            source_jitter=steady.source_jitter if steady else None,
            excess_jitter=steady.excess_jitter if steady else None,
            lag=steady.lag if steady else None,
            amplitude=steady.amplitude if steady else None,
            **_breathing(crop, ""),
            **_breathing(source_crop, "source_"),
        )

    def _away(self) -> None:
        """What comes next is not compared with what came."""
        self._previous, self._shot = None, -1
        self._landmarks.cut()
        self._identity.cut()
        self._source_motion.cut()
        self._motion.cut()

    def _look(self, view: SourceView, picture: Picture) -> tuple[Look, Look | None]:
        """The result on the grid of its own frame, and on that of the frame before."""
        if view.step is None or self._previous is None:
            return look([picture.on(view.grid)], self._networks)[0], None
        crops = [picture.on(view.grid), picture.on(view.step.grid)]
        now, current = look(crops, self._networks)
        return now, current

    def _score(
        self, index: int, time: float, view: SourceView, now: Look, current: Look | None
    ) -> FrameScores:
        x, y = view.seen.tensor, now.tensor
        embedding = unit_embedding(now, self._networks)
        self._identity.push(view.embedding.numpy(), embedding.numpy())
        return FrameScores(
            index=index,
            time=time,
            shot=view.shot,
            lpips=lpips_between(now, view.seen, self._networks),
            mse=float(squared_error(y, x)),
            psnr=float(psnr(y, x)),
            ssim=float(ssim(y / 2 + 0.5, x / 2 + 0.5)),
            identity=float(embedding @ view.embedding),
            **self._change(view, current),
        )

    def _change(self, view: SourceView, current: Look | None) -> dict[str, float | None]:
        """What is measured from the frame before to this one."""
        step, previous = view.step, self._previous
        if step is None or previous is None or current is None:
            names = ("warping_error", "source_warping_error", "tof")
            return dict.fromkeys((*names, "lpips_change", "source_lpips_change"))
        flow = self._networks.flow.between(previous.crop, current.crop)
        return {
            "warping_error": self._warping.push(
                previous.crop, current.crop, step.flow, step.visible
            ),
            "source_warping_error": step.warping_error,
            "tof": flow_difference(flow, step.flow),
            "lpips_change": lpips_between(previous, current, self._networks),
            "source_lpips_change": step.lpips,
        }

    def _landmark(self, time: float, view: SourceView, picture: Picture) -> None:
        mesh: Points | None = picture.mesh(self._networks.mesh, view.region)
        self._landmarks.push(view.grid, view.mesh, mesh)
        self._lost += mesh is None
        for motion, points in ((self._source_motion, view.mesh), (self._motion, mesh)):
            if mesh is None:
                motion.cut()
            elif points is not None:
                motion.push(time, points)

    def _mean(self, name: str) -> float | None:
        return mean(getattr(frame, name) for frame in self.frames)

    def _tlp(self) -> float | None:
        pairs = [(f.lpips_change, f.source_lpips_change) for f in self.frames]
        known = [(y, x) for y, x in pairs if y is not None and x is not None]
        return lpips_difference(*zip(*known, strict=True)) if known else None


def _breathing(breathing: Breathing | None, whose: str) -> dict[str, float | None]:
    return {
        f"{whose}breathing_centre": breathing.centre if breathing else None,
        f"{whose}breathing_scale": breathing.scale if breathing else None,
    }
