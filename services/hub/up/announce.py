"""Lines on the terminal as things happen: ids and names of definitions, never people's data."""

from datetime import datetime
from typing import Any

from contracts.envelope import Envelope

_WIDTH = 9


def line(event: Envelope, at: datetime) -> str | None:
    """One line for a fact; None for facts that nobody watches a terminal for. `at` is local time."""
    told = _told(event.type, event.data)
    if told is None:
        return None
    what, text = told
    return f"{at:%H:%M:%S}  {what:<{_WIDTH}} {text}"


def _told(kind: str, data: dict[str, Any]) -> tuple[str, str] | None:
    match kind:
        case "crm.interactions.received.v1":
            return "enquiry", f"{data['channel']} ({data['medium']})  {data['delivery_id']}"
        case "crm.contacts.merged.v1":
            return "merged", f"{data['absorbed_id']} into {data['contact_id']}"
        case "crm.contacts.touched.v1":
            if data["first"]:
                return None
            return "touch", f"{data['channel']} ({data['medium']})  contact {data['contact_id']}"
        case "crm.leads.captured.v1":
            owner = f" for {data['owner']}" if data.get("owner") else ""
            return "lead", f"score {data['score']}{owner}  {data['lead_id']}"
        case "crm.deals.opened.v1":
            return "deal", f"{data['funnel']}/{data['stage']}  {data['deal_id']}"
        case "crm.deals.moved.v1":
            move = f"{data['from_stage']} -> {data['to_stage']}"
            return "deal", f"{data['funnel']}/{move} ({data['reason']})  {data['deal_id']}"
        case "crm.tasks.created.v1":
            assignee = data.get("assignee") or "nobody yet"
            return "task", f"for {assignee}, due {data['due_at']}"
    return _told_of_messages(kind, data)


def _told_of_messages(kind: str, data: dict[str, Any]) -> tuple[str, str] | None:
    match kind:
        case "crm.sequences.enrolled.v1":
            return "sequence", f"{data['sequence']} begins  {data['enrolment_id']}"
        case "crm.sequences.ended.v1":
            return "sequence", f"{data['sequence']} ends: {data['reason']}"
        case "crm.messages.sent.v1":
            known = data.get("internet_message_id") or data["message_id"]
            return f"{_medium(data)} out", f"step {data['step']}  {known}"
        case "crm.messages.not_sent.v1":
            return "not sent", f"{_medium(data)}, step {data['step']}: {data['reason']}"
    return None


def _medium(data: dict[str, Any]) -> str:
    return "mail" if data["medium"] == "email" else str(data["medium"])
