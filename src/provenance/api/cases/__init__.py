"""Claims cases: opened, worked on, read with what the rules make of them.

Cases are for the operator and for who handles claims: what a claimant says is not for the carrier
that it is said about.
"""
