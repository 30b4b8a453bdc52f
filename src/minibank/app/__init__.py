"""The composition root: settings become a database, an engine, an API and a server."""
