"""The ten stages in their order: the one list that says which there are."""

from ml_assets.stages import business_case as business_case
from ml_assets.stages import data_bias as data_bias
from ml_assets.stages import data_pipeline as data_pipeline
from ml_assets.stages import data_selection as data_selection
from ml_assets.stages import deployment as deployment
from ml_assets.stages import model as model
from ml_assets.stages import model_bias as model_bias
from ml_assets.stages import monitoring as monitoring
from ml_assets.stages import retraining as retraining
from ml_assets.stages import success_criteria as success_criteria

STAGES = (
    business_case, success_criteria, data_selection, data_bias, data_pipeline,
    model, deployment, model_bias, monitoring, retraining,
)  # fmt: skip
