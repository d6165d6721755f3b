"""Cost: what the LLM cost, and what is left of the budget."""

from decimal import Decimal

from fastapi import APIRouter, Request
from starlette.responses import Response

from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.flows.views.read_only import read_only_services
from dynosaur_etl.flows.views.spending import spent
from dynosaur_etl.pages.charts import cost_chart
from dynosaur_etl.pages.downloads import FileForm, download
from dynosaur_etl.pages.rendering import page

_COLUMNS = (
    "name", "requests", "prompt_tokens", "completion_tokens", "cost_usd", "held_usd",
)  # fmt: skip

router = APIRouter()


@router.get("/cost")
def cost(request: Request) -> Response:
    """Dollars by day, purpose and model; the month's budget and projection."""
    with read_only_services() as services:
        found = to_json(spent(services))
    budget, projected = found["month"]["budget_usd"], found["month"]["projected_usd"]
    content = {
        "cost": found,
        "charts": [cost_chart(found["by_day"])],
        "over_budget": budget is not None and Decimal(projected) > Decimal(budget),
    }
    return page(request, "cost.html.jinja", content, here="cost")


@router.get("/cost.{form}")
def cost_file(form: FileForm) -> Response:
    """The costs by growth day as a file."""
    with read_only_services() as services:
        return download(spent(services).by_day, _COLUMNS, "cost", form)
