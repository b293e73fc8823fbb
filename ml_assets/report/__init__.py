"""One HTML file per solution, made from recorded facts alone."""

from ml_assets.report.page import write_report as write_report
