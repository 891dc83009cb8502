"""A page where holes are brushed and filled: what it fills with (`catalog`), how it asks (`routes`), and the `page` itself. The command,
`python -m tfinpaint.studio`, is `__main__`."""
