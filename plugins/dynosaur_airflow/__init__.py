"""What of the product needs Airflow: assets, the step runner, retries, the notifier and the UI."""
