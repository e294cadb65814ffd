"""What an installed Kith gives Airflow by its entry point, for environments whose metadata is older than that."""

from dags.plugin.kith_plugin import KithPlugin

__all__ = ["KithPlugin"]
