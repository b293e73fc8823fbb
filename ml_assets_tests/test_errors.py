"""Every error is one sentence of four facts."""

import pytest

from ml_assets import errors


@pytest.mark.parametrize(
    "kind",
    [
        errors.DataError,
        errors.DeclarationError,
        errors.ArtifactError,
        errors.StoreError,
        errors.RegistryError,
        errors.SourceError,
    ],
)
def test_an_error_says_what_was_got_what_is_allowed_and_what_to_do(kind: type[errors.MLAssetsError]) -> None:
    error = kind("a thing is wrong", got=3, allowed="1 or 2", do="Use one of them.")
    assert str(error) == "a thing is wrong: got 3; allowed: 1 or 2. Use one of them."
    assert (error.what, error.got, error.allowed) == ("a thing is wrong", 3, "1 or 2")
    assert isinstance(error, errors.MLAssetsError)


def test_no_fact_can_be_left_out() -> None:
    with pytest.raises(TypeError, match="do"):
        errors.DataError("a thing is wrong", got=3, allowed="1 or 2")  # type: ignore[call-arg]
