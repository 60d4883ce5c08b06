"""Tables: rows of named columns, in files of whatever format."""
