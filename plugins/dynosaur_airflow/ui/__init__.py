"""The read-only pages of the training set inside Airflow's UI."""
