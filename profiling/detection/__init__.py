"""MTCNN (Zhang et al. 2016): where the faces of a photo are, and their five landmarks."""

from profiling.detection.mtcnn import Detections, Detector

__all__ = ["Detections", "Detector"]
