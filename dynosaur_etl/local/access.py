"""The way to the Airflow that commands work with: a configured one, or that of the home."""

from dynosaur_etl.domain.errors import InvalidSetting
from dynosaur_etl.local.airflow_api import AirflowApi
from dynosaur_etl.local.errors import SystemDown
from dynosaur_etl.local.system import system_address
from dynosaur_etl.settings import Settings


def airflow_api(settings: Settings) -> AirflowApi:
    """Return Airflow's API at the address of the settings, else of what `dynosaur up` started.

    Raises:
        InvalidSetting: an address is set, and neither a token nor a password.
        SystemDown: no address is set, and no Airflow was started under the home.
    """
    if settings.airflow_url:
        return _configured(settings)
    address = system_address(settings.home)
    if address is None:
        raise SystemDown(
            f"no Airflow runs under {settings.home}; start it with `dynosaur up`, or name another"
            " one in DYNOSAUR_AIRFLOW_URL"
        )
    return AirflowApi(address.url, address.user, address.password)


def _configured(settings: Settings) -> AirflowApi:
    token = settings.airflow_token.get_secret_value()
    password = settings.airflow_password.get_secret_value()
    if not token and not password:
        raise InvalidSetting(
            "DYNOSAUR_AIRFLOW_URL is set, and neither DYNOSAUR_AIRFLOW_TOKEN nor"
            " DYNOSAUR_AIRFLOW_PASSWORD is"
        )
    return AirflowApi(
        settings.airflow_url, settings.airflow_user, password, token=token, by_proxy=True
    )
