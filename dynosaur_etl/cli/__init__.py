"""The command line: the flows without Airflow."""
