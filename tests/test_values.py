"""What a value promises: it is what a frozen dataclass is."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import ClassVar

import pytest

from luci.values import Value, anew, as_dict, fields, replace


class Place(Value):
    name: str
    parts: tuple[str, ...] = ()
    kinds: ClassVar[int] = 2


class Visit(Place):
    days: dict[str, int] = anew(dict)
    near: tuple[Place, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("nowhere")


def test_fields_are_given_by_position_or_name_and_those_of_a_base_come_first():
    assert fields(Visit) == ("name", "parts", "days", "near")
    visit = Visit("Rome", ("x",), near=(Place("Ostia"),))
    assert (visit.name, visit.parts, visit.days, visit.near) == ("Rome", ("x",), {}, (Place("Ostia"),))
    match visit:
        case Visit(name, (part,)):
            assert (name, part) == ("Rome", "x")


@pytest.mark.parametrize(
    "given, named", [((), {}), (("a", (), 3), {}), (("a",), {"name": "b"}), (("a",), {"kinds": 3})]
)
def test_what_does_not_fit_the_fields_is_refused(given, named):
    with pytest.raises(TypeError, match="Place takes name, parts"):
        Place(*given, **named)


def test_a_value_cannot_be_changed_and_equals_another_of_its_kind_with_the_same_fields():
    place = Place("Rome")
    for change in (lambda: setattr(place, "name", "Ostia"), lambda: delattr(place, "name")):
        with pytest.raises(AttributeError):
            change()
    assert place == Place("Rome", ()) != Place("Ostia") and len({place, Place("Rome")}) == 1
    assert Place("Rome") != Visit("Rome")
    assert repr(place) == "Place(name='Rome', parts=())"
    assert copy.deepcopy(place) == place == pickle.loads(pickle.dumps(place))


def test_what_is_made_anew_is_shared_with_no_other_value():
    Visit("Rome").days["monday"] = 1
    assert Visit("Rome").days == {}


def test_another_is_made_with_other_fields_and_checked_again():
    assert replace(Place("Rome"), parts=("x",)) == Place("Rome", ("x",))
    with pytest.raises(ValueError):
        replace(Visit("Rome"), name="")


def test_the_standard_library_takes_a_value_for_a_dataclass():
    visit = Visit("Rome", near=(Place("Ostia"),))
    told = {"name": "Rome", "parts": (), "days": {}, "near": ({"name": "Ostia", "parts": ()},)}
    assert as_dict(visit) == dataclasses.asdict(visit) == told
    assert dataclasses.replace(visit, name="Ostia") == replace(visit, name="Ostia")
    with pytest.raises(TypeError):
        dataclasses.replace(visit, nothing=1)

    @dataclasses.dataclass(frozen=True, slots=True)
    class Stay(Place):
        nights: int = 1

    assert Stay("Rome", nights=2) == Stay("Rome", (), 2)
