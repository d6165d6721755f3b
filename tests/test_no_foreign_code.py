"""Nothing that is read becomes code: no pickle, eval, exec, shell or remote code in the product."""

import ast
from collections.abc import Iterator

import pytest

from tests.house import read_house

HOUSE = read_house()
FORBIDDEN_MODULES = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal",
}  # fmt: skip
ERRORS = {"pickle.UnpicklingError"}
"""What may be named of them, as torch raises it for what it refuses to load."""
FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput",
    "subprocess.getstatusoutput", "yaml.load", "yaml.unsafe_load", "yaml.full_load",
    "pandas.read_pickle", "pd.read_pickle",
}  # fmt: skip
FORBIDDEN_VALUES = {"shell": (True,), "trust_remote_code": (True,), "allow_pickle": (True,)}
MUST_SAY = {"torch.load": ("weights_only", True)}


def breaches(tree: ast.AST) -> Iterator[str]:
    """Yield what of a module could run what it reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.partition(".")[0] in FORBIDDEN_MODULES)
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            bad = (node.module or "").partition(".")[0] in FORBIDDEN_MODULES
            yield from (name for name in names if bad and name not in ERRORS)
        elif isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    if name in FORBIDDEN_CALLS:
        yield name
    named = {word.arg: word.value for word in node.keywords if word.arg}
    for word, values in FORBIDDEN_VALUES.items():
        value = named.get(word)
        if value is not None and not (
            isinstance(value, ast.Constant) and value.value not in values
        ):
            yield f"{name}({word}={ast.unparse(value)})"
    if name in MUST_SAY:
        word, wanted = MUST_SAY[name]
        value = named.get(word)
        if not (isinstance(value, ast.Constant) and value.value is wanted):
            yield f"{name} without {word}={wanted}"


@pytest.mark.parametrize("module", sorted(HOUSE.trees))
def test_no_module_runs_what_it_reads(module: str) -> None:
    assert list(breaches(HOUSE.trees[module])) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "from joblib import load", "eval(text)", "exec(text)",
        "subprocess.run(words, shell=True)", "subprocess.run(words, shell=flag)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)", "torch.load(path)",
        "torch.load(path, weights_only=False)", "yaml.load(text)", "os.system(words)",
        "np.load(path, allow_pickle=True)",
    ],
)  # fmt: skip
def test_a_breach_would_be_found(code: str) -> None:
    assert list(breaches(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    ["torch.load(path, weights_only=True)", "re.compile(text)", "model.eval()", "run(shell=False)"],
)
def test_what_only_looks_like_one_is_none(code: str) -> None:
    assert not list(breaches(ast.parse(code)))
