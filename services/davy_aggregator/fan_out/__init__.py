"""Exchange with the other aggregators of the site: live pictures that somebody there looks at, and what is known of cameras."""
