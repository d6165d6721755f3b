FROM python:3.11.14-slim-bookworm

ENV PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/dynosaur/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/dynosaur/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False

RUN useradd --create-home --uid 50000 airflow \
    && install --directory --owner airflow \
        /opt/airflow /opt/airflow/logs /opt/dynosaur /var/lib/dynosaur

WORKDIR /opt/dynosaur
COPY requirements.txt requirements-train.txt constraints.txt ./
RUN python -m pip install --no-cache-dir -r requirements.txt -c constraints.txt

COPY pyproject.toml README.md LICENSE ./
COPY dynosaur_etl ./dynosaur_etl
COPY dags ./dags
COPY plugins ./plugins
RUN python -m pip install --no-cache-dir --no-deps -e .

USER 50000
ENTRYPOINT ["airflow"]
CMD ["version"]
