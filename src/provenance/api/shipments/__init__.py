"""Timelines: what is recorded about a waybill or parcel, and how firmly each event stands.

A timeline follows the parcels of a waybill, and containers between packing and unpacking, and
says which trails it used. It is a view for people: the proof is in the receipts.
"""
