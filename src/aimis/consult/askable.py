"""Which questions make sense at a point of a consultation, for all findings at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimis.consult.model import OLDEST

if TYPE_CHECKING:
    from aimis.consult.consultation import Consultation
    from aimis.consult.net import Net

Bools = npt.NDArray[np.bool_]


class Askable:
    """The findings of a net as columns of what restricts them."""

    def __init__(self, net: Net) -> None:
        self._net = net
        findings, follow = net.findings, net.knowledge.parents_first
        self._parent = np.array([-1 if up is None or not follow else up for up in net.parent])
        self._youngest = np.array([f.age[0] if f.age else 0 for f in findings])
        self._oldest = np.array([f.age[1] if f.age else OLDEST for f in findings])
        self._only = {sex: np.array([f.sex not in {None, sex} for f in findings]) for sex in ("F", "M")}
        groups = sorted({f.group for f in findings})
        self._group = np.array([groups.index(f.group) for f in findings])

    def now(self, state: Consultation) -> Bools:
        """(findings,) not answered, its parent present, and for such a person."""
        answered, present = self._answered(state)
        asked = ~answered & ((self._parent < 0) | present[self._parent])
        person = state.person
        if person.sex is not None:
            asked &= ~self._only[person.sex]
        if person.age_years is not None:
            asked &= (self._youngest <= person.age_years) & (person.age_years < self._oldest + 1)
        return np.asarray(asked, dtype=np.bool_)

    def of_group(self, finding: str) -> Bools:
        """(findings,) those of the same group."""
        return np.asarray(self._group == self._group[self._net.column[finding]], dtype=np.bool_)

    def _answered(self, state: Consultation) -> tuple[Bools, Bools]:
        """(findings,) twice: which are answered, `unknown` too, and which are present."""
        answered, present = np.zeros((2, len(self._net.findings)), dtype=np.bool_)
        for name, value in state.values.items():
            if (column := self._net.column.get(name)) is not None:
                answered[column], present[column] = True, self._net.findings[column].present(value)
        return answered, present
