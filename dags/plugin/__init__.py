"""Kith's pages inside Airflow: the tab *Generation* of a DAG run, and *Profiles* in the navigation."""
