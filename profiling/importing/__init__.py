"""Folders of photos, one a user, become a population: what README's "your own photos" uses."""

from profiling.importing.folder import import_folder

__all__ = ["import_folder"]
