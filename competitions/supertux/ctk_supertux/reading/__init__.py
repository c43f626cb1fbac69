"""The homework's folders as samples."""
