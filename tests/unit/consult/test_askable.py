"""What can be asked, for all findings at once, is what each finding says of itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aimis.consult import net as nets
from aimis.consult.askable import Askable
from aimis.consult.consultation import Answer, Consultation, Person
from aimis.consult.model import OLDEST, UNKNOWN, Finding, Sex, Value
from tests.fakes import conditions

NETS = {parents: nets.build_net(conditions.knowledge(parents_first=parents)) for parents in (True, False)}
SAID: dict[str, st.SearchStrategy[Value]] = {
    "pain": st.sampled_from([True, False, UNKNOWN]),
    "site": st.sampled_from([("nowhere",), ("chest",)]),
    "fever": st.sampled_from([True, False, UNKNOWN]),
    "colour": st.just("pale"),
    "of-another-day": st.just(True),
}


@given(
    st.fixed_dictionaries({}, optional=SAID),
    st.none() | st.floats(0, OLDEST),
    st.sampled_from([None, "F", "M"]),
    st.booleans(),
)
def test_a_finding_is_asked_once_after_its_parent_and_of_whom_it_fits(
    said: dict[str, Value], age_years: float | None, sex: Sex | None, parents_first: bool
) -> None:
    net, person = NETS[parents_first], Person(age_years=age_years, sex=sex)
    answers = tuple(Answer(finding=finding, value=value) for finding, value in said.items())
    state = Consultation(knowledge="small", knowledge_version="1", person=person, answers=answers)

    def can_be_asked(finding: Finding) -> bool:
        parent = net.knowledge.findings.get(finding.parent or "")
        follows = parent is None or not parents_first or parent.present(said.get(parent.id, UNKNOWN))
        return finding.id not in said and follows and finding.is_for(age_years, sex)

    assert list(Askable(net).now(state)) == [can_be_asked(finding) for finding in net.findings]
