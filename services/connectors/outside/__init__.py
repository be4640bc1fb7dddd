"""Where we are the ones who call: vendors' HTTP interfaces."""
