"""Deals: leads become cards in funnels, move by rules and people, and cause tasks."""
