"""What has been computed about a clip, kept beside the output: see :class:`AnalysisCache`."""

from pipelines.cache.analysis import AnalysisCache
from pipelines.cache.tape import Tape

__all__ = ["AnalysisCache", "Tape"]
