"""Every error this package raises on purpose: what happened, what was got, what is allowed, what to do."""


class MLAssetsError(Exception):
    """Base of all errors of this package.

    The sentence is composed from facts, so that no message can leave one of them out.
    """

    def __init__(self, what: str, *, got: object, allowed: object, do: str) -> None:
        self.what, self.got, self.allowed, self.do = what, got, allowed, do
        super().__init__(f"{what}: got {got}; allowed: {allowed}. {do.rstrip('.')}.")


class DeclarationError(MLAssetsError):
    """A declaration (``defs.yaml``) says something that cannot be built."""


class SourceError(MLAssetsError):
    """A source of rows could not be read, or delivered nothing."""


class DataError(MLAssetsError):
    """Rows that cannot be used as they are."""


class ArtifactError(MLAssetsError):
    """A stored model that is missing, incomplete, or not the one that was released."""


class StoreError(MLAssetsError):
    """The store of tables and facts could not be read or written."""


class RegistryError(MLAssetsError):
    """The model registry could not be reached or does not hold what was asked for."""
