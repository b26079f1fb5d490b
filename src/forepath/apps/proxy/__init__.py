"""The proxy: `forepath serve`. An OpenAI-compatible server whose writing is watched. No science here.

Over a local subject, or in front of another server.

A request is read (`wanted`), its stream runs in `engine` beside others, its text is watched in `watching`, and what is
sent is made in `frames`; full records leave by `channel`. `application` is the local server, `upstream` the one in
front of another, `door` guards both. Needs the extra `serve`.
"""
