"""What of Metaflow this package replaces: the content-addressed store."""

__mf_promote_submodules__ = ["datastore.content_addressed_store"]
