"""The one state machine of a Video, and the durable engine that carries it."""
