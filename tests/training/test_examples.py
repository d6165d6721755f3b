from dynosaur_etl.training.examples import as_completion, as_messages

INSTANCE = {"instruction": "Name the city.", "input": "Seine", "output": "Paris"}


def test_completion_parts_instruction_and_input_by_an_empty_line() -> None:
    assert as_completion(INSTANCE) == {"prompt": "Name the city.\n\nSeine", "completion": "Paris"}


def test_an_empty_input_leaves_no_empty_lines() -> None:
    assert as_completion({**INSTANCE, "input": ""})["prompt"] == "Name the city."


def test_messages_are_the_users_turn_and_the_assistants() -> None:
    assert as_messages(INSTANCE) == [
        {"role": "user", "content": "Name the city.\n\nSeine"},
        {"role": "assistant", "content": "Paris"},
    ]
