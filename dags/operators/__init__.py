"""Ray jobs as Airflow tasks: connection, submission, log and operator, importable by workers and triggers alike."""
