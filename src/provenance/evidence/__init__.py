"""Evidence: what a claims officer takes out of the log and shows to others."""
