ARG BASE_IMAGE=python:3.11.14-slim-bookworm
FROM ${BASE_IMAGE}

# Extras to install beside the whole product, as "cluster" or "cluster train".
ARG EXTRAS=""
# The build of torch: an index of its own, as https://download.pytorch.org/whl/cpu, or none.
ARG TORCH_INDEX=""

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
COPY requirements.txt requirements-train.txt requirements-cluster.txt constraints.txt ./
RUN if [ -n "${TORCH_INDEX}" ]; then \
        python -m pip install --no-cache-dir --no-deps --index-url "${TORCH_INDEX}" \
            "$(grep '^torch==' constraints.txt)"; \
    fi
RUN set -- -r requirements.txt \
    && for extra in ${EXTRAS}; do set -- "$@" -r "requirements-${extra}.txt"; done \
    && python -m pip install --no-cache-dir "$@" -c constraints.txt

COPY pyproject.toml README.md LICENSE ./
COPY dynosaur_etl ./dynosaur_etl
COPY dags ./dags
COPY plugins ./plugins
RUN python -m pip install --no-cache-dir --no-deps -e . \
    && python -m compileall -q dynosaur_etl dags plugins

USER 50000
ENTRYPOINT ["airflow"]
CMD ["version"]
