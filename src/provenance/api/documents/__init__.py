"""Documents: upload, description, download, lists and the code list of their types."""
