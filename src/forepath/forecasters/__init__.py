"""From activations to distributions over chains. Never sees a model or a text."""
