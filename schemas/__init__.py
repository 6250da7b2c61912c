"""What crosses a boundary: accepted shapes, and the API's words for all others."""
