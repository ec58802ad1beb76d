"""Names the module that lists what of Metaflow this package replaces."""

module_overrides = "replaced"
