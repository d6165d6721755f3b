"""The import direction of docs/architecture.md, read from the code itself."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.house import ROOT, House, arrows_of, read_house, room_of, walk_without_types

ALLOWED: dict[str, set[str]] = {
    "domain": set(),
    "net": {"domain"},
    "settings": {"domain"},
    "forms": {"domain"},
    "hub": {"domain", "forms", "net"},
    "llm": {"domain", "net"},
    "proposals": {"domain"},
    "instances": {"domain", "forms"},
    "inference": {"domain"},
    "quality": {"domain", "inference", "llm"},
    "selection": {"domain"},
    "store": {"domain", "settings"},
    "snapshots": {"domain", "net", "store"},
    "training": {"domain", "inference", "selection"},
    "local": {"domain", "settings", "store"},
    "flows": {
        "domain", "settings", "forms", "hub", "llm", "proposals", "instances", "inference",
        "quality", "selection", "store", "snapshots", "training",
    },
    "pages": {"domain", "settings", "flows"},
    "cli": {"domain", "settings", "flows", "local", "pages", "store", "selection"},
    "__main__": {"cli"},
}  # fmt: skip
OF_THE_PLUGIN = {"domain", "settings", "flows", "pages"}
OF_DAGS = {"domain", "flows"}
HEAVY = {"torch", "faiss", "datasets", "transformers", "sentence_transformers", "numba", "airflow"}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}

TABLES = "dynosaur_etl.store.tables"
NAMES_ITS_TABLES = {
    "dynosaur_etl.flows.poll.caps", "dynosaur_etl.flows.poll.examine",
    "dynosaur_etl.flows.poll.examined", "dynosaur_etl.flows.propose.validate",
}  # fmt: skip
"""Steps that own tables: a step's output says whose rows of the day it replaces, and no more."""
AIRFLOW_S_DATABASE = {"dynosaur_airflow.ui.airflow_state", "dynosaur_airflow.ui.pages.runs"}
"""They read Airflow's own tables, in the session that its API server hands them."""
HANDLES = {"Engine"}
"""The database's handle, which the services hand on to the store."""
SESSIONS = {"Session", "sessionmaker", "scoped_session"}
CONNECTIONS = {"connect", "begin", "raw_connection"}

HOUSE = read_house()


def rooms_of(tree: ast.Module, module: str = "module") -> set[str]:
    """The rooms that a module imports from, types included; the package itself is none."""
    modules = {*HOUSE.trees, module}
    return {
        room_of(arrow.target)
        for arrow in arrows_of(module, tree, modules, with_types=True)
        if arrow.target.startswith("dynosaur_etl")
    } - {""}


def outside_of_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """Everything that runs when a module is imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from outside_of_functions(node)


def libraries(nodes: Iterator[ast.AST]) -> set[str]:
    """The top names of what is imported."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def reads_the_environment(tree: ast.Module) -> bool:
    """Whether a module reads the environment, by whichever way Python has for it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT:
            return True
        if isinstance(node, ast.ImportFrom) and node.module in {"os", "posix"}:
            taken = {alias.name for alias in node.names}
            if ENVIRONMENT & taken:
                return True
    return False


def opens_the_database(tree: ast.Module) -> bool:
    """Whether a module opens a session, or a connection of an engine, by itself."""
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {function.id for function in called if isinstance(function, ast.Name)}
    named = {
        (ast.unparse(function.value).rpartition(".")[2], function.attr)
        for function in called
        if isinstance(function, ast.Attribute)
    }
    return bool(names & SESSIONS) or any(
        attribute in SESSIONS or (of.lstrip("_") == "engine" and attribute in CONNECTIONS)
        for of, attribute in named
    )


def of_package(house: House, package: str) -> list[str]:
    return [module for module in house.trees if module.partition(".")[0] == package]


@pytest.mark.parametrize("module", of_package(HOUSE, "dynosaur_etl"))
def test_a_room_imports_only_the_rooms_it_may(module: str) -> None:
    room = room_of(module)
    if room:
        assert rooms_of(HOUSE.trees[module], module) - {room} <= ALLOWED[room]


@pytest.mark.parametrize("module", of_package(HOUSE, "dynosaur_airflow"))
def test_the_plugin_imports_no_room_but_the_flows_and_the_pages(module: str) -> None:
    assert rooms_of(HOUSE.trees[module], module) <= OF_THE_PLUGIN


@pytest.mark.parametrize("module", of_package(HOUSE, "dynosaur_etl"))
def test_the_product_knows_no_airflow_and_loads_nothing_heavy_on_import(module: str) -> None:
    tree = HOUSE.trees[module]
    assert "airflow" not in libraries(walk_without_types(tree))
    assert not HEAVY & libraries(outside_of_functions(tree))


def test_only_settings_reads_the_environment() -> None:
    readers = {
        room_of(module)
        for module in of_package(HOUSE, "dynosaur_etl")
        if reads_the_environment(HOUSE.trees[module])
    }
    assert readers <= {"local"}, "local/ hands the environment on to the processes it starts"


def test_only_the_way_into_the_database_opens_it() -> None:
    openers = {module for module in HOUSE.trees if opens_the_database(HOUSE.trees[module])}
    assert openers == {
        "dynosaur_etl.store.database",
        "dynosaur_etl.store.ledger",  # whose connection holds a lock for as long as its owner lives
    }


@pytest.mark.parametrize(
    "code",
    [
        "with Session(engine) as session: pass",
        "with orm.Session(services.engine, expire_on_commit=False) as session: pass",
        "session = sessionmaker(engine)()",
        "with services.engine.connect() as connection: pass",
        "with self._engine.begin() as connection: pass",
    ],
)
def test_no_way_into_the_database_is_overlooked(code: str) -> None:
    assert opens_the_database(ast.parse(code))


def sql_of(tree: ast.Module) -> set[str]:
    """The names of SQLAlchemy that a module takes, but for the database's handle."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if is_sqlalchemy(alias.name)}
        elif isinstance(node, ast.ImportFrom) and is_sqlalchemy(node.module or ""):
            found |= {alias.name for alias in node.names}
    return found - HANDLES


def is_sqlalchemy(module: str) -> bool:
    return module.partition(".")[0] == "sqlalchemy"


def names_tables(tree: ast.Module, module: str = "module") -> bool:
    """Whether a module imports the classes of the tables."""
    modules = {*HOUSE.trees, module}
    return any(
        arrow.target.startswith(TABLES)
        for arrow in arrows_of(module, tree, modules, with_types=True)
    )


@pytest.mark.parametrize("module", [module for module in HOUSE.trees if room_of(module) != "store"])
def test_sql_and_tables_stand_behind_the_store(module: str) -> None:
    tree = HOUSE.trees[module]
    assert not sql_of(tree) or module in AIRFLOW_S_DATABASE
    assert not names_tables(tree, module) or module in NAMES_ITS_TABLES


@pytest.mark.parametrize(
    "code",
    [
        "from sqlalchemy import select",
        "from sqlalchemy import Engine, func",
        "import sqlalchemy as sa",
        "import sqlalchemy.orm",
        "def later():\n    from sqlalchemy.dialects.postgresql import insert",
        "from sqlalchemy.exc import SQLAlchemyError",
    ],
)
def test_no_sql_is_overlooked(code: str) -> None:
    assert sql_of(ast.parse(code))
    assert not sql_of(ast.parse("from sqlalchemy import Engine"))


@pytest.mark.parametrize(
    "code",
    [
        "from dynosaur_etl.store.tables import TaskRow",
        "from dynosaur_etl.store import tables",
        "import dynosaur_etl.store.tables",
        "def later():\n    from dynosaur_etl.store.tables import TaskRow",
    ],
)
def test_no_table_is_overlooked(code: str) -> None:
    assert names_tables(ast.parse(code))


def test_dags_reach_the_product_through_plugins_and_flows_only() -> None:
    for path in (ROOT / "dags").glob("*.py"):
        assert rooms_of(ast.parse(path.read_text())) <= OF_DAGS, path.name


@pytest.mark.parametrize(
    ("code", "rooms"),
    [
        ("from dynosaur_etl import hub", {"hub"}),
        ("from dynosaur_etl import hub as anything", {"hub"}),
        ("import dynosaur_etl.hub.client", {"hub"}),
        ("def later():\n    from dynosaur_etl.hub import client", {"hub"}),
        ("try:\n    from dynosaur_etl.llm import batch\nexcept ImportError: pass", {"llm"}),
    ],
)
def test_no_way_of_importing_a_room_is_overlooked(code: str, rooms: set[str]) -> None:
    assert rooms_of(ast.parse(code)) == rooms


@pytest.mark.parametrize(
    "code",
    [
        "from os import environ",
        "from os import getenv as read",
        "import os\nos.environ['A']",
        "import os as system\nsystem.getenv('A')",
        "def later():\n    import os\n    return os.environb",
    ],
)
def test_no_way_of_reading_the_environment_is_overlooked(code: str) -> None:
    assert reads_the_environment(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "import torch",
        "try:\n    import torch\nexcept ImportError:\n    torch = None",
        "if True:\n    from torch import nn",
        "class A:\n    import torch.nn",
        "with open('x'):\n    import torch",
    ],
)
def test_no_import_at_the_top_of_a_module_is_overlooked(code: str) -> None:
    assert HEAVY & libraries(outside_of_functions(ast.parse(code)))
    inside = "def later():\n    " + code.replace("\n", "\n    ")
    assert not HEAVY & libraries(outside_of_functions(ast.parse(inside)))


def test_polling_loads_no_client_of_an_llm() -> None:
    probe = "import sys; import dynosaur_etl.flows.poll.candidates; print('openai' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_a_day_that_is_finished_loads_no_client_of_an_llm() -> None:
    probe = "import sys; import dynosaur_etl.flows.finished; print('openai' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_the_command_line_starts_without_anything_heavy() -> None:
    probe = (
        "import sys; import dynosaur_etl.cli.main; "
        f"print(sorted(set({sorted(HEAVY)!r}) & sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
