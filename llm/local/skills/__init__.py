"""What the brain knows to say: pure rules, one idea a file. `rules.py` is the table of them."""
