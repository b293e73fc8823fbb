from ml_assets.resources.tracking import run_link


def test_a_server_has_a_page_and_a_store_a_command() -> None:
    page = run_link("http://127.0.0.1:5000/", "3", "abc")
    assert page == "http://127.0.0.1:5000/#/experiments/3/runs/abc"
    assert (
        run_link("sqlite:////x/mlflow.db", "3", "abc")
        == "run abc: mlflow ui --backend-store-uri sqlite:////x/mlflow.db"
    )
