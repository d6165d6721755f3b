"""Serves the pages over a store of its own, without Airflow: python -m tests.airflow.serve PORT.

The login is left out, but for addresses below `/closed`, where nobody is logged in. The address `/`
holds the pages in a frame with the rights that Airflow gives them.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins"))

import uvicorn
from dynosaur_airflow.ui.app import LOGGED_IN, create_app
from fastapi import FastAPI, HTTPException
from starlette.responses import HTMLResponse

from benchmarks.ui_store import Size, make_store
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.pages.rendering import PREFIX
from dynosaur_etl.settings import Settings

FRAME = f"""<!doctype html><html lang="en"><title>Airflow</title><iframe title="pages" width="1200"
height="800" sandbox="allow-scripts allow-same-origin allow-forms allow-downloads"
src="{PREFIX}/"></iframe>"""


def _nobody() -> None:
    raise HTTPException(401, "not logged in")


def main(port: int) -> None:
    services = Services(Settings())
    make_store(services, Size(days=3, requests=8, instances=40, selected=10))
    services.close()
    outer = FastAPI()
    for path, login in (("/closed", _nobody), ("", lambda: None)):
        pages = create_app()
        pages.dependency_overrides[LOGGED_IN] = login
        outer.mount(f"{path}{PREFIX}", pages)

    @outer.get("/")
    def frame() -> HTMLResponse:
        return HTMLResponse(FRAME)

    uvicorn.run(outer, port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]))
