"""Starts the whole service on one machine and stops it again."""
