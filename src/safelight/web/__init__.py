"""HTTP: the routes in `api`, the pages in `console`, and what they share, such as sign-in and errors."""
