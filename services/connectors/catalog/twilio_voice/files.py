"""Recordings of calls: asked for at Twilio as the account."""

from services.connectors.reading.twilio import media_request as request

__all__ = ["request"]
