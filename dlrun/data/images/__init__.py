"""Images: in folders by class, named in a table, or beside masks of the same size."""
