"""What results say: sentences and tables, as text and as HTML."""
