"""What every contract declares about itself."""

import re

import pytest

from contracts.catalog import contracts, pattern_of, questions
from contracts.contract import PARTITIONS, Command, Contract, Fact, partition, stream_of
from contracts.questions import SERVICES, AskTrace, Question, subject_to

FACT = re.compile(r"crm\.[a-z_]+\.[a-z_]+\.v[1-9]\d*")
COMMAND = re.compile(r"do\.([a-z_]+)\.[a-z_]+\.v[1-9]\d*")
QUESTION = re.compile(r"ask\.(\{service\}|[a-z_]+)\.[a-z_]+\.v[1-9]\d*")


@pytest.mark.parametrize("contract", contracts(), ids=lambda contract: contract.__name__)
def test_a_contract_names_its_subject_owner_key_and_class(contract: type[Contract]) -> None:
    assert contract.OWNER in SERVICES
    assert re.search(r"\{\w+\}", pattern_of(contract, "key"))
    assert re.search(r"\{\w+\}", pattern_of(contract, "entity"))
    assert contract.__doc__
    if issubclass(contract, Fact):
        assert FACT.fullmatch(contract.TYPE)
        assert contract.STANDING in ("snapshot", "change")
    else:
        match = COMMAND.fullmatch(contract.TYPE)
        assert match is not None
        assert match[1] == contract.OWNER


def test_a_fact_says_by_its_name_which_service_owns_it_in_every_version() -> None:
    owners: dict[str, set[str]] = {}
    for contract in contracts():
        if issubclass(contract, Fact):
            owners.setdefault(contract.TYPE.rpartition(".v")[0], set()).add(contract.OWNER)
    assert {name: names for name, names in owners.items() if len(names) > 1} == {}


@pytest.mark.parametrize("question", questions(), ids=lambda question: question.__name__)
def test_a_question_names_its_subject_and_its_answer(question: type[Question]) -> None:
    assert QUESTION.fullmatch(question.TYPE)
    assert question.ANSWER.__doc__


def test_the_subject_of_a_question_names_the_service_that_answers() -> None:
    assert subject_to(AskTrace, "leads") == "ask.leads.trace.v1"


def test_streams_follow_from_the_owner() -> None:
    for contract in contracts():
        expected = "COMMANDS" if issubclass(contract, Command) else f"CRM_{contract.OWNER.upper()}"
        assert stream_of(contract) == expected


def test_partitions_never_change_with_a_release() -> None:
    assert PARTITIONS == 16
    known = {"": "00", "ann": "03", "3c635f1d-b155-5921-8d60-2a800e2eb079": "08", "чат 7": "03"}
    assert {key: partition(key) for key in known} == known
