"""What `help()` says: something of everything, and examples that hold."""

import doctest
import inspect

import pytest

import nhn_cloudtrail as ct
from nhn_cloudtrail import _api, _collect, _native

CLASSES = [ct.Event, ct.Entry, ct.Catalog, ct.Reader, ct.Table, ct.TableStream]


def test_examples_hold() -> None:
    results = [doctest.testmod(module) for module in (_api, _collect)]
    assert sum(result.attempted for result in results) > 10
    assert sum(result.failed for result in results) == 0


def test_public_names_are_there_and_no_other() -> None:
    assert set(ct.__all__) <= set(dir(ct)) | {"EventId", "ServiceId"}
    assert all(hasattr(ct, name) for name in ct.__all__)
    shown = {
        name
        for name in vars(ct)
        if not name.startswith("_") and not inspect.ismodule(vars(ct)[name])
    }
    assert shown - {"EventId", "ServiceId"} <= set(ct.__all__)


def test_native_classes_are_public() -> None:
    classes = {name for name, value in vars(_native).items() if isinstance(value, type)}
    # What `Client` is made of.
    assert classes - {"_Client"} <= set(ct.__all__)
    assert {cls.__module__ for cls in CLASSES} == {"nhn_cloudtrail"}


@pytest.mark.parametrize(
    "name", [name for name in ct.__all__ if inspect.isroutine(getattr(ct, name))]
)
def test_functions_are_documented(name: str) -> None:
    function = getattr(ct, name)
    assert len(inspect.getdoc(function) or "") > 40
    for parameter in inspect.signature(function).parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty


@pytest.mark.parametrize("cls", CLASSES)
def test_classes_are_documented(cls: type) -> None:
    assert inspect.getdoc(cls)
    members = [name for name in vars(cls) if not name.startswith("_")]
    assert members
    assert [name for name in members if not inspect.getdoc(getattr(cls, name))] == []


def test_small_values_are_documented() -> None:
    for name in ct.__all__:
        value = getattr(ct, name)
        if isinstance(value, type):
            assert (value.__doc__ or "").strip()


def test_misspelt_name_of_the_module() -> None:
    with pytest.raises(AttributeError, match="raed"):
        ct.raed  # type: ignore[attr-defined]  # noqa: B018
