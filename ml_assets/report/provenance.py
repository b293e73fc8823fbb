"""Where everything in the report comes from: runs, digests, versions, times."""

from importlib.metadata import PackageNotFoundError, version

from ml_assets.report.markup import Html, heading, join, missing, pairs, table, tag
from ml_assets.report.recorded import Recorded


def build(recorded: Recorded) -> Html:
    """The section."""
    return join([_now(recorded), _live(recorded), _documents(recorded)])


def _now(recorded: Recorded) -> Html:
    training = recorded.facts("training_set")
    found = {
        "report made": f"{recorded.made_at:%Y-%m-%d %H:%M:%S} UTC",
        "package": f"ml-assets {_package()}",
        "declaration, as it is now": tag("code", recorded.solution.version()),
        "declaration, of the newest training set": tag("code", training["declaration"]) if training else missing("training_set"),
        "case version": tag("code", recorded.solution.case_version),
    }  # fmt: skip
    return pairs(found)


def _package() -> str:
    try:
        return version("ml-assets")
    except PackageNotFoundError:
        return "not installed"


def _live(recorded: Recorded) -> Html:
    decision, release, known = recorded.facts("champion"), recorded.release, recorded.registered
    if decision is None:
        return join([heading("Live model"), missing("champion")])
    found: dict[str, object] = {
        "run of the last decision": tag("code", decision["run_id"]),
        "decided at": decision["decided_at"],
        "registry run": tag("code", known.run) if known.run else "not recorded",
        "git commit of the release": tag("code", known.commit)
        if known.commit
        else "not recorded: released outside of a repository",
        "release document": tag("code", known.digest) if known.digest else known.problem or "not recorded",
    }
    if release is not None:
        found |= {
            "model files": tag("code", release["digest"]),
            "training set": tag("code", release["training_digest"]),
            "declaration of the release": tag("code", release["declaration"]),
        }
    return join([heading(f"Live model: version {recorded.live_version or 'none'}"), pairs(found)])


def _documents(recorded: Recorded) -> Html:
    """Digests of the documents the report rests on, and of the newest raw batch."""
    named = ("candidates", "model", "mitigation", "evaluation", "explanation", "model_bias_report", "training_set")
    rows = [{"made": a, "digest": _digest(recorded, a)} for a in named]
    raw = recorded.newest("raw_data")
    rows.append({"made": f"raw_data, {raw[0]}" if raw else "raw_data", "digest": tag("code", raw[1]["digest"]) if raw else missing("raw_data")})  # fmt: skip
    return join([heading("Digests"), table(rows, caption="As recorded by each asset")])


def _digest(recorded: Recorded, asset: str) -> Html:
    facts = recorded.facts(asset)
    if facts is None:
        return missing(asset)
    return tag("code", facts.get("digest") or f"of training set {facts.get('training_digest', 'not recorded')}")
