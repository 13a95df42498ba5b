"""Whole experiments: an ensemble is trained, analysed, drawn and reported; and the command line.

>>> from pigmm.studies import run_study
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .function_forms.driver import study_function_forms
    from .function_forms.figures import (
        plot_fisher_spectrum,
        plot_functions,
        plot_inner_products,
        plot_mode_decay,
        plot_widths,
    )
    from .initial_variance.bound import best_variance, bound_excess, langevin_temperature, loss_bound
    from .initial_variance.driver import study_initial_variance
    from .initial_variance.figures import plot_bound, plot_crossings, plot_initial_variance, plot_ratio_by_epoch
    from .loss_surface.driver import run_loss_surface
    from .loss_surface.figures import (
        plot_batch_sizes,
        plot_descent,
        plot_mean_ratios,
        plot_outliers,
        plot_spacings,
    )
    from .networks.report.figures import plot_checkpoints, plot_network
    from .networks.tests_of_matrices.analysis import analyse_network
    from .networks.tests_of_matrices.checkpoints import compare_networks
    from .pipeline import run_study
    from .plots.figures.dead_units import plot_dead_units
    from .plots.figures.departures import plot_changes, plot_departures_by_epoch, plot_symmetrised_comparison
    from .plots.figures.distances import plot_distances, plot_movement
    from .plots.figures.initialisation import plot_initialisation
    from .plots.figures.largest_departures import plot_largest_departures
    from .plots.figures.learning import plot_learning
    from .plots.figures.output_classes import plot_output_classes
    from .plots.figures.parameters import plot_interior_parameters, plot_parameters
    from .plots.figures.path import plot_path
    from .plots.figures.symmetry import plot_constraints, plot_nested_models
    from .plots.figures.z_score_overview import plot_z_score_overview
    from .plots.figures.z_scores import plot_z_scores
    from .runs.files import read_table

_PLACES = {
    "analyse_network": "networks.tests_of_matrices.analysis",
    "best_variance": "initial_variance.bound",
    "bound_excess": "initial_variance.bound",
    "compare_networks": "networks.tests_of_matrices.checkpoints",
    "langevin_temperature": "initial_variance.bound",
    "loss_bound": "initial_variance.bound",
    "plot_batch_sizes": "loss_surface.figures",
    "plot_bound": "initial_variance.figures",
    "plot_changes": "plots.figures.departures",
    "plot_checkpoints": "networks.report.figures",
    "plot_constraints": "plots.figures.symmetry",
    "plot_crossings": "initial_variance.figures",
    "plot_dead_units": "plots.figures.dead_units",
    "plot_departures_by_epoch": "plots.figures.departures",
    "plot_descent": "loss_surface.figures",
    "plot_distances": "plots.figures.distances",
    "plot_fisher_spectrum": "function_forms.figures",
    "plot_functions": "function_forms.figures",
    "plot_initial_variance": "initial_variance.figures",
    "plot_initialisation": "plots.figures.initialisation",
    "plot_inner_products": "function_forms.figures",
    "plot_interior_parameters": "plots.figures.parameters",
    "plot_largest_departures": "plots.figures.largest_departures",
    "plot_learning": "plots.figures.learning",
    "plot_mean_ratios": "loss_surface.figures",
    "plot_mode_decay": "function_forms.figures",
    "plot_movement": "plots.figures.distances",
    "plot_nested_models": "plots.figures.symmetry",
    "plot_network": "networks.report.figures",
    "plot_outliers": "loss_surface.figures",
    "plot_output_classes": "plots.figures.output_classes",
    "plot_parameters": "plots.figures.parameters",
    "plot_path": "plots.figures.path",
    "plot_ratio_by_epoch": "initial_variance.figures",
    "plot_spacings": "loss_surface.figures",
    "plot_symmetrised_comparison": "plots.figures.departures",
    "plot_widths": "function_forms.figures",
    "plot_z_score_overview": "plots.figures.z_score_overview",
    "plot_z_scores": "plots.figures.z_scores",
    "read_table": "runs.files",
    "run_loss_surface": "loss_surface.driver",
    "run_study": "pipeline",
    "study_function_forms": "function_forms.driver",
    "study_initial_variance": "initial_variance.driver",
}

__all__ = [
    "analyse_network",
    "best_variance",
    "bound_excess",
    "compare_networks",
    "langevin_temperature",
    "loss_bound",
    "plot_batch_sizes",
    "plot_bound",
    "plot_changes",
    "plot_checkpoints",
    "plot_constraints",
    "plot_crossings",
    "plot_dead_units",
    "plot_departures_by_epoch",
    "plot_descent",
    "plot_distances",
    "plot_fisher_spectrum",
    "plot_functions",
    "plot_initial_variance",
    "plot_initialisation",
    "plot_inner_products",
    "plot_interior_parameters",
    "plot_largest_departures",
    "plot_learning",
    "plot_mean_ratios",
    "plot_mode_decay",
    "plot_movement",
    "plot_nested_models",
    "plot_network",
    "plot_outliers",
    "plot_output_classes",
    "plot_parameters",
    "plot_path",
    "plot_ratio_by_epoch",
    "plot_spacings",
    "plot_symmetrised_comparison",
    "plot_widths",
    "plot_z_score_overview",
    "plot_z_scores",
    "read_table",
    "run_loss_surface",
    "run_study",
    "study_function_forms",
    "study_initial_variance",
]


def __getattr__(name: str) -> Any:
    # the command line lies in this package too, and its help must not wait for the libraries of a study
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __package__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
