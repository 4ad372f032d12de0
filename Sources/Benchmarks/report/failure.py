"""The one error that ends a section and not the run."""


class Failure(Exception):
    """A measurement could not be made; says why."""
