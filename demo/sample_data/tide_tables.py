"""Measurements at a pier: numbers only."""

from demo.sample_data.model import (
    DECIMAL,
    INTEGER,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    pick,
)

# height of the water in metres for each hour after high tide, on a mean day
_TIDE = (4.2, 4.0, 3.5, 2.8, 2.0, 1.3, 0.9, 0.8, 1.2, 1.9, 2.7, 3.5)
_DAYS = 5


def _measurement(day: int, hour: int) -> Row:
    seed = f"tide {day} {hour}"
    pressure = 1012 + 3 * day + pick(f"pressure {seed}", (-1, 0, 1))
    return {
        "day": day + 1,
        "hours_after_high_tide": hour,
        "height_m": round(_TIDE[hour] + pick(f"height {seed}", (-0.1, 0.0, 0.1)), 1),
        "wind_knots": max(2, 24 - 4 * day + pick(f"wind {seed}", (-3, -1, 0, 2))),
        "pressure_hpa": pressure,
        "water_temperature": round(11.5 + 0.2 * day + 0.1 * pick(f"water {seed}", (0, 1, 2)), 1),
    }


_TEXT = """
# Tide tables of a small pier

## Dataset summary

Hourly measurements over five days at an invented pier: height of the water in metres, wind in
knots, air pressure in hectopascals and temperature of the water in degrees Celsius. Higher
pressure goes with less wind.
"""

DATASET = SampleDataset(
    id="lowtide/tide-tables",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Hourly measurements at a pier.",
            {
                "day": INTEGER,
                "hours_after_high_tide": INTEGER,
                "height_m": DECIMAL,
                "wind_knots": INTEGER,
                "pressure_hpa": INTEGER,
                "water_temperature": DECIMAL,
            },
            {"train": [_measurement(day, hour) for day in range(_DAYS) for hour in range(12)]},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-07T09:00:00Z",
            "Add measurements",
            Front("Tide tables", ("en",), ("cc0-1.0",), ("tabular-regression",)),
            _TEXT,
        ),
    ),
    downloads=140,
    likes=3,
)
