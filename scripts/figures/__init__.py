"""The figures of ``make bench``, one module for each kind.

Every figure stands beside a baseline that was measured in the same run on the same machine, since
absolute rates of two machines, or of two hours of one shared machine, can't be compared.
"""
