"""Time series: a table whose rows follow one another, cut into windows of the past and what comes after each."""
