-- Run once, at the first start of PostgreSQL.
CREATE DATABASE airflow;
CREATE DATABASE unleash;
