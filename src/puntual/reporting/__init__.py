"""The result of a training, as people read it: the model card and the HTML report."""
