"""Parts that the HTTP API and the web pages share, such as authentication, request bodies and errors."""
