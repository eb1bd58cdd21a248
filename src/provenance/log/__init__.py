"""Gives every record its index, its place in each trail, and a signed acknowledgement.

One writer per log at a time, through a row lock: several processes may share a log. What was
acknowledged was committed first and has its final index.
"""
