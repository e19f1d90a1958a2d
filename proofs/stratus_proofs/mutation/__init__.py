"""The mutation score: small changes to the specification, and whether its properties notice."""
