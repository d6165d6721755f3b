"""The system on one machine: Airflow's components and PostgreSQL as supervised processes.

Nothing here imports Airflow; its components are started as processes and asked over HTTP.
"""
