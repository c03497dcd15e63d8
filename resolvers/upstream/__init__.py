"""What the one door to a source (resolvers/http.py) is made of: each module holds one of its promises."""
