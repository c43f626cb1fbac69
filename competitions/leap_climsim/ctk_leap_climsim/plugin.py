"""What this distribution offers to ctk; everything by name, nothing imported before it is used."""

from __future__ import annotations

from ctk import hookimpl
from ctk.hookspecs import Register

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_competitions(register: Register) -> None:
    register(
        "leap-climsim",
        "ctk_leap_climsim.competition:LEAPClimSim",
        "what the physics of a climate model does to a column of air, 368 targets",
    )


@hookimpl
def ctk_register_data(register: Register) -> None:
    register("climsim", "ctk_leap_climsim.reading.reader:ClimSimReader", "Kaggle's tables, or ClimSim's netCDF pairs")


@hookimpl
def ctk_register_models(register: Register) -> None:
    register("column-mlp", "ctk_leap_climsim.networks.mlp:ColumnMLP", "residual MLP on whole columns of air, fast")
    register("res-bilstm", "ctk_leap_climsim.networks.res_bilstm:ResBiLSTM", "residual bidirectional LSTMs over levels")
    register(
        "lstm-attention",
        "ctk_leap_climsim.networks.lstm_attention:LSTMAttention",
        "two stages of bidirectional LSTMs over levels, then attention",
    )
    register(
        "conv-bilstm-transformer",
        "ctk_leap_climsim.networks.conv_bilstm_transformer:ConvBiLSTMTransformer",
        "convolutions over levels, bidirectional LSTMs, a transformer layer",
    )


@hookimpl
def ctk_register_losses(register: Register) -> None:
    register(
        "smooth-l1-levels",
        "ctk_leap_climsim.loss:SmoothL1Levels",
        "smooth L1 of standardised targets and of their differences between levels",
    )


@hookimpl
def ctk_register_metrics(register: Register) -> None:
    register("leap-r2", "ctk_leap_climsim.metric:METRIC", "mean over columns of R2, as LEAP computes it")
