import numpy as np
import pytest

from davy.domain.errors import ConfigError
from davy_trainer.evaluation.ablation import (
    FULL_RECIPE,
    VARIANTS,
    AblateSettings,
    EvaluationData,
    chosen_variants,
    evaluate_network,
)
from davy_trainer.evaluation.validation import load_validation
from davy_trainer.stages.iterate import AllSettings
from davy_trainer.stages.settings import EnhanceSettings, PairSettings


def settings(tmp_path, **changes):
    return AblateSettings.model_validate({"low": (tmp_path,), "normal": (tmp_path,), "initial_weights": tmp_path, **changes})


def test_every_weight_of_enhancement_has_its_ablation():
    weights = {name for name in EnhanceSettings.model_fields if name.endswith("_weight")}
    assert weights == {name for v in VARIANTS for name in v.enhance if name.endswith("_weight")}


def test_every_ablation_changes_settings_that_exist():
    for variant in VARIANTS:
        assert set(variant.recipe) <= set(AllSettings.model_fields)
        assert set(variant.pair) <= set(PairSettings.model_fields)
        assert set(variant.enhance) <= set(EnhanceSettings.model_fields)


def test_the_whole_recipe_is_always_there_to_compare_with(tmp_path):
    chosen = chosen_variants(settings(tmp_path, only=("without CLIP",)))
    assert [variant.name for variant in chosen] == [FULL_RECIPE, "without CLIP"]
    with pytest.raises(ConfigError, match="there are without refinement"):
        chosen_variants(settings(tmp_path, only=("without lamps",)))


def test_one_round_leaves_nothing_to_ablate(tmp_path):
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        settings(tmp_path, rounds=1)


def test_a_network_is_evaluated_on_the_given_pictures(pairs_folder):
    from davy.imaging.nets.ispcnn import IspCnn

    pairs = load_validation(pairs_folder)
    found = evaluate_network(IspCnn(8).eval(), EvaluationData((), pairs, [("mine/a", np.full((64, 64, 3), 60, np.uint8))]))
    assert set(found) == {"mine_psnr_db", "mine_dark_psnr_db", "real_dark_luma", "real_dark_contrast"}
