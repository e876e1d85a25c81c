"""`compile`, `fit`, `evaluate`, `predict`: how a model is trained, and the memory that it takes."""
