"""The routes, a file a family. Handlers parse, make one call and answer."""
