"""Changes made to a subject while it writes, and undone after: what `records.Intervention` describes, done.

`making` writes the records (data only); `outside` applies those that any subject can take, on its prompts and policy;
the rest turn records into PyTorch hooks and swapped weights of a Hugging Face model: `targets` (where), `vectors` and
`changes` (what), `weights`, `adapters`, `quantising` and `editing` (weights), `scene` (which rows and positions a
forward pass holds), `applying` (all of it together, with counts of what was touched).
"""
