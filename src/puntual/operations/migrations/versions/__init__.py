"""One file a step; `journal_schema.REVISIONS` lists them."""
