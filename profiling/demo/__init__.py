"""People drawn by code, and a demo population of them: no data, no services, no network needed."""

from profiling.demo.population import draw_population
from profiling.demo.settings import DEMO_SETTINGS

__all__ = ["DEMO_SETTINGS", "draw_population"]
