"""Does it sound as if the caller's turn were over: models in the form of Smart Turn v3."""
