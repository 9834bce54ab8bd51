"""Pages for people: server-rendered, live where the browser allows."""
