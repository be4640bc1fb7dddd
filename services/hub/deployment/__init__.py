"""A hub whose services run apart: what `leadwire provision` makes before they start."""
