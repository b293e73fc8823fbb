"""The style sheet fetches nothing and knows phones and paper."""

from ml_assets.report.style import STYLE


def test_style() -> None:
    assert "url(" not in STYLE
    assert "@media print" in STYLE
    assert "overflow-x: auto" in STYLE
    assert STYLE.count("{") == STYLE.count("}")
