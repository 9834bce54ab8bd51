"""HTTP: the routes in `api`, and what they share with the web pages, such as authentication and errors."""
