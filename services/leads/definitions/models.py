"""What people write about the team, scoring, assignment and fields."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.leads.domain.rules import FieldType

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[^\s\x00]([^\x00]{0,58}[^\s\x00])?$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,200}$")]
Condition = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
EVERYBODY: Final = "everybody"


class Written(BaseModel):
    """Anything written by people: a key that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WrittenMember(Written):
    """Somebody who works leads."""

    name: Line = Field(description="The person's name, as colleagues know it.")
    email: Line | None = Field(default=None, description="Where notices for this person go.")
    available: bool = Field(default=True, description="false while away: no new leads.")


class WrittenScore(Written):
    """Points for an interaction. All that is asked for must hold; each rule counts once per lead."""

    name: Line = Field(description="The reason people see beside the score.")
    points: int = Field(ge=-1000, le=1000, description="What it adds; may be negative.")
    channel: Name | list[Name] | None = Field(
        default=None, description="The channel, or several of which one must match."
    )
    identity: Name | None = Field(
        default=None, description="A kind of identity the contact must have, such as phone."
    )
    field: FieldName | None = Field(default=None, description="A field that must not be empty.")
    equals: Line | None = Field(default=None, description="What the field must be; case does not count.")
    when: Condition | None = Field(
        default=None, description="CEL condition over interaction, contact and fields."
    )


class WrittenAssignment(Written):
    """Who gets the leads of which `when` holds."""

    to: Literal["everybody"] | list[Name] = Field(
        default=EVERYBODY, min_length=1, description="Members of the team, or everybody."
    )
    by: Literal["round_robin", "least_busy"] = Field(
        default="round_robin",
        description="round_robin: whoever waited longest; least_busy: whoever has the fewest open leads.",
    )
    when: Condition | None = Field(
        default=None, description="CEL condition over interaction, contact, fields and lead."
    )


class WrittenField(Written):
    """A field of forms that rules and templates may use."""

    type: FieldType = Field(default="text", description="text, number, flag (yes or no), or list.")
    label: Line | None = Field(default=None, description="What people see instead of the name.")
    on_contact: bool = Field(
        default=False, description="true: the contact keeps its latest value, for templates and later leads."
    )


class WrittenFields(Written):
    """How identities are read, and which fields are known."""

    default_region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = Field(
        default="RU", description="ISO 3166 country of phone numbers written without a country code."
    )
    shared: list[Line] = Field(
        default_factory=list,
        max_length=1000,
        description="Phones, addresses or kind:id that many people use; they never prove who it is.",
    )
    known: dict[FieldName, WrittenField] = Field(
        default_factory=dict, max_length=500, description="Fields by the name forms give them."
    )


class WrittenLeads(Written):
    """What leads reads of the definitions."""

    team: dict[Name, WrittenMember] = Field(
        default_factory=dict, max_length=1000, description="People who work leads, by a short name."
    )
    assignment: list[WrittenAssignment] = Field(
        default_factory=list,
        max_length=200,
        description="Tried in order; the first that fits decides. Without any the whole team takes turns.",
    )
    scoring: list[WrittenScore] = Field(
        default_factory=list, max_length=200, description="Rules that add points to a lead."
    )
    fields: WrittenFields = Field(default_factory=WrittenFields, description="Identities and form fields.")
