"""Airflow and Ray on one machine, started, watched and stopped together: `kith up` and `kith down`."""
