"""The plugin keeps the promises of the contract with the toolkit."""

from ctk.testing import check_plugin

TEXTS = ["data.texts=true"]


def test_the_plugin_keeps_the_contract():
    check_plugin("tables", overrides={"frequency": TEXTS, "hashed-ngrams": TEXTS})
