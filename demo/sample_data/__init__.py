"""The content of the sample Hub. All of it is invented: owners, places, texts and figures."""

from demo.sample_data import (
    cafe_reviews,
    city_headlines,
    code_comments,
    found_postcards,
    harbour_phrases,
    kitchen_recipes,
    museum_descriptions_no,
    museum_labels,
    plant_care,
    proverbs,
    repair_manuals,
    science_questions,
    story_summaries,
    support_tickets,
    tide_tables,
    travel_questions,
)

DATASETS = (
    cafe_reviews.DATASET,
    support_tickets.DATASET,
    city_headlines.DATASET,
    museum_descriptions_no.DATASET,
    science_questions.DATASET,
    kitchen_recipes.DATASET,
    travel_questions.DATASET,
    found_postcards.DATASET,
    code_comments.DATASET,
    tide_tables.DATASET,
    repair_manuals.DATASET,
    plant_care.DATASET,
    story_summaries.DATASET,
    harbour_phrases.DATASET,
    museum_labels.DATASET,
    proverbs.DATASET,
)
