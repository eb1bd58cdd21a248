"""Puts the parts together: the one place that knows which implementation fulfils which port."""
