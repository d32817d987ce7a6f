"""What a training found, as people read it: the model card and the HTML report."""
