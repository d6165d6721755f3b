-- PostgreSQL's image runs this when its volume is new: the product's own database beside Airflow's.
CREATE DATABASE dynosaur OWNER airflow;
