"""Attachments and recordings: fetched from where they are, kept, and handed out to those who may."""
