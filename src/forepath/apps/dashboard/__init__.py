"""The dashboard: `forepath dash`. A local server over run directories, and a built page. No science here.

Needs the extra `serve`; the front end's source is web/, what it builds to lies in static/.
"""
