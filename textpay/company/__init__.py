"""Settings: the company, its texts, its payments and its people. On the top floor, because these
pages show and change what belongs to all the others."""
