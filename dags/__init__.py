"""When: Airflow DAGs, the Ray-job operator and the UI plugin. No numbers are computed here."""
