-- PostgreSQL's image runs this when its volume is new: a database each for Airflow and the product,
-- with a role each that cannot enter the other's.
\set ON_ERROR_STOP on
\getenv airflow_password AIRFLOW_DATABASE_PASSWORD
\getenv product_password PRODUCT_DATABASE_PASSWORD
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE dynosaur LOGIN PASSWORD :'product_password';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE dynosaur OWNER dynosaur;
REVOKE ALL ON DATABASE airflow FROM PUBLIC;
REVOKE ALL ON DATABASE dynosaur FROM PUBLIC;
