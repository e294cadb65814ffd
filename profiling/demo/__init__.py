"""People drawn by code, and a demo population of them: no data, no services, no network needed."""

from profiling.demo.population import draw_population

__all__ = ["draw_population"]
