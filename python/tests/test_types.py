"""Types and texts: what type checkers, editors and `help` know of the package.

Needs pyright, and mypy for stubtest. Without them tests are skipped; where `CI` is set they fail.
"""

import ast
import importlib.util
import inspect
import json
import os
import pydoc
import re
import subprocess
import sys
import types
import venv
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import nhn_cloudtrail as ct
from nhn_cloudtrail import _native

PYTHON = Path(__file__).parents[1]
TYPING = PYTHON / "tests" / "typing"
PACKAGE = Path(str(resources.files(ct)))
NATIVE = (ct.Catalog, ct.Entry, ct.Event, ct.Reader, ct.Table, ct.TableStream)

# Public in the native module, and under another name or not at all for users.
INTERNAL = {
    "COLUMNS": "the type Column",
    "ERROR_CODES": "for tests",
    "VERSION": "__version__",
    "run": "the command",
}


# Checkers


def wanted(*modules: str) -> None:
    """Skips where something is not installed."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            message = f"{module} is not installed"
            if os.environ.get("CI"):
                pytest.fail(message)
            pytest.skip(message)


@pytest.fixture(scope="module", params=["as it is", "without packages"])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This Python, and one without pandas, Polars, pyarrow, DuckDB and tqdm."""
    if request.param == "as it is":
        return Path(sys.executable)
    home = tmp_path_factory.mktemp("python")
    venv.create(home, symlinks=True)
    return home / "bin" / "python"


def pyright(python: Path, *files: Path) -> dict[str, Any]:
    """What pyright reports."""
    wanted("pyright")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", str(python)]
    # Without it pyright says in between that there is a newer one.
    environment = os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    done = subprocess.run(
        [*command, *map(str, files)], capture_output=True, text=True, cwd=PYTHON, env=environment
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        pytest.fail(f"pyright: {done.stdout}{done.stderr}")


def found(report: dict[str, Any]) -> list[str]:
    """Errors and warnings, a line each."""
    return [
        f"{Path(one['file']).name}:{one['range']['start']['line'] + 1}: {one['message']}"
        for one in report["generalDiagnostics"]
    ]


def test_package_and_good_code_pass_strictly(python: Path) -> None:
    report = pyright(python)
    assert found(report) == []
    sources = [
        path for path in (PYTHON / "nhn_cloudtrail").iterdir() if path.suffix in (".py", ".pyi")
    ]
    # All of them and good.py.
    assert report["summary"]["filesAnalyzed"] == len(sources) + 1


def test_each_mistake_is_found(python: Path) -> None:
    bad = TYPING / "bad.py"
    lines = enumerate(bad.read_text().splitlines(), start=1)
    marked = Counter(number for number, line in lines if line.endswith("  # error"))
    report = pyright(python, bad)
    errors = Counter(one["range"]["start"]["line"] + 1 for one in report["generalDiagnostics"])
    assert len(marked) > 30
    assert errors == marked, "\n".join(found(report))


def test_frames_have_the_types_of_their_makers() -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    assert found(pyright(Path(sys.executable), TYPING / "frames.py")) == []


def test_stubs_are_what_is_there(tmp_path: Path) -> None:
    wanted("mypy")
    command = [sys.executable, "-m", "mypy.stubtest", "nhn_cloudtrail", "--concise"]
    command += ["--mypy-config-file", str(PYTHON / "pyproject.toml")]
    command += ["--allowlist", str(TYPING / "stubtest-allowlist.txt")]
    # Not in the source folder: what is installed is meant.
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    # Not the whole of each line: types name two thousand IDs.
    lines = [line[:300] for line in (done.stdout + done.stderr).splitlines()]
    assert (done.returncode, lines) == (0, [])


@pytest.mark.parametrize("name", ["py.typed", "_native.pyi"])
def test_types_are_installed(name: str) -> None:
    assert (PACKAGE / name).is_file()


# Names


def test_public_names_are_there_and_no_others() -> None:
    namespace: dict[str, object] = {}
    exec("from nhn_cloudtrail import *", namespace)
    assert set(ct.__all__) == set(namespace) - {"__builtins__"}
    assert len(set(ct.__all__)) == len(ct.__all__)
    with pytest.raises(AttributeError, match="'nhn_cloudtrail' has no attribute 'reed'"):
        _ = ct.reed


def test_native_names_are_re_exported() -> None:
    public = {name: value for name, value in vars(_native).items() if not name.startswith("_")}
    assert {value for value in public.values() if isinstance(value, type)} == set(NATIVE)
    for name, value in public.items():
        if isinstance(value, type):
            assert getattr(ct, name) is value
            assert value.__module__ == "nhn_cloudtrail"
        assert (name in ct.__all__) != (name in INTERNAL), name


# Texts


def plain(text: str | None) -> str:
    return " ".join((text or "").split())


def members(native: type) -> dict[str, Any]:
    """The public members of a native class."""
    return {name: value for name, value in vars(native).items() if not name.startswith("_")}


def documented(body: list[ast.stmt]) -> Iterator[tuple[str, bool]]:
    """Each name that is assigned or annotated, and whether a text follows."""
    for one, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(one, ast.AnnAssign):
            target = one.target
        elif isinstance(one, ast.Assign):
            target = one.targets[0]
        else:
            continue
        if isinstance(target, ast.Name):
            text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            yield target.id, text and isinstance(after.value.value, str)


def trees() -> dict[str, ast.Module]:
    files = ["__init__.py", "_types.py", "_ids.py", "_collect.py", "_native.pyi"]
    return {file: ast.parse((PACKAGE / file).read_text()) for file in files}


def test_every_public_name_has_a_text() -> None:
    values = {name for tree in trees().values() for name, text in documented(tree.body) if text}
    assert ct.__doc__
    assert inspect.getdoc(_native)
    for name in ct.__all__:
        value = getattr(ct, name)
        if isinstance(value, type | types.FunctionType):
            text = plain(vars(value).get("__doc__") if isinstance(value, type) else value.__doc__)
            assert text, name
            # What a named tuple or a dataclass says by itself.
            assert not text.startswith(f"{name}("), name
            first = inspect.cleandoc(value.__doc__ or "").splitlines()[0]
            assert first in plain(pydoc.plain(pydoc.render_doc(value))), name
        else:
            assert ("VERSION" if name == "__version__" else name) in values, name


def test_every_field_and_method_has_a_text() -> None:
    fields = 0
    for tree in trees().values():
        for one in tree.body:
            if isinstance(one, ast.ClassDef):
                text = ast.get_docstring(one) or ""
                for name, own in documented(one.body):
                    shown = re.search(rf"^{name}: \S", text, re.MULTILINE)
                    assert own or shown or name.startswith("_"), f"{one.name}.{name}"
                    fields += 1
                for method in one.body:
                    if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                        assert ast.get_docstring(method), f"{one.name}.{method.name}"
    assert fields > 50


@pytest.mark.parametrize("value", [ct.Stats, ct.Reject, ct.Filters, ct.Limits, ct.Action])
def test_help_tells_of_every_field(value: type) -> None:
    shown = plain(pydoc.plain(pydoc.render_doc(value)))
    for name in value.__annotations__:
        assert f"{name}: " in shown, name


@pytest.mark.parametrize("native", NATIVE)
def test_every_native_member_has_a_text(native: type) -> None:
    assert plain(native.__doc__)
    assert members(native)
    for name, member in members(native).items():
        assert plain(member.__doc__), name
        assert plain(member.__doc__)[:30] in plain(pydoc.plain(pydoc.render_doc(native))), name


def test_stub_says_what_help_says() -> None:
    stub = {one.name: one for one in trees()["_native.pyi"].body if hasattr(one, "name")}
    for native in NATIVE:
        tree = stub[native.__name__]
        assert isinstance(tree, ast.ClassDef)
        assert plain(ast.get_docstring(tree)) == plain(native.__doc__)
        texts = {
            one.name: plain(ast.get_docstring(one))
            for one in tree.body
            if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")
        }
        expected = {name: plain(member.__doc__) for name, member in members(native).items()}
        assert texts == expected, native
    for name, value in vars(_native).items():
        if isinstance(value, types.BuiltinFunctionType):
            tree = stub[name]
            assert isinstance(tree, ast.FunctionDef)
            assert plain(ast.get_docstring(tree)) == plain(value.__doc__)


# Values


def alternatives(message: str) -> list[str]:
    """The values that an error names: all that there are."""
    listed = re.search(r"(?:one of|none of|are) ([\w, \"]+)", message)
    assert listed, message
    return [word for word in re.findall(r"\w+", listed[1]) if word != "and"]


@pytest.mark.parametrize(
    ("option", "literal"),
    [
        ("kind", ct.Kind),
        ("phase", ct.Phase),
        ("outcome", ct.Outcome),
        ("lang", ct.Lang),
        ("on_error", ct.OnError),
    ],
)
def test_literals_are_what_the_core_takes(option: str, literal: Any) -> None:
    read: Any = ct.read
    with pytest.raises(ct.ArgumentError) as raised:
        read(b"{}", **{option: "nonsense"})
    assert alternatives(str(raised.value)) == list(get_args(literal))
    for value in get_args(literal):
        read(b"{}", **{option: value}).close()


def test_columns_are_those_of_the_core() -> None:
    assert list(get_args(ct.Column)) == _native.COLUMNS
    asked: list[ct.Column] = list(get_args(ct.Column))
    assert ct.read_table(b'{"eventId":"a"}', columns=asked).column_names == asked


def test_filters_and_limits_are_those_of_the_core() -> None:
    read: Any = ct.read
    with pytest.raises(TypeError) as unknown:
        read(b"{}", nonsense=1)
    assert alternatives(str(unknown.value)) == list(ct.Filters.__annotations__)
    with pytest.raises(ct.ArgumentError) as limits:
        read(b"{}", limits={"nonsense": 1})
    assert alternatives(str(limits.value)) == list(ct.Limits.__annotations__)


def test_ids_are_those_of_the_catalog() -> None:
    assert list(get_args(ct.EventId)) == ct.catalog.keys()
    assert list(get_args(ct.ServiceId)) == [service.slug for service in ct.catalog.services()]


def test_what_the_catalog_gives_is_of_the_types() -> None:
    actions = [entry.action for entry in ct.catalog.values() if entry.action]
    effects = [effect for entry in ct.catalog.values() for effect in entry.effects]
    fields = get_type_hints(ct.Action) | get_type_hints(ct.ResourceEffect)
    seen = {
        "kind": {action.kind for action in actions},
        "phase": {action.phase for action in actions},
        "provenance": {action.provenance for action in actions},
        "effect": {effect.effect for effect in effects},
    }
    for field, values in seen.items():
        # A Literal, or one of several alternatives, such as None.
        literals = [fields[field], *get_args(fields[field])]
        assert values - {None} <= {value for one in literals for value in get_args(one)}, field
        assert values - {None}
