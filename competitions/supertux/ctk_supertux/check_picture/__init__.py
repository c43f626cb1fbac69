"""A view drawn with what is known of it."""
