"""Providers of videos: upstreams, what their errors mean, attempts at them, advice on their filters."""
