"""What can be asked: the GraphQL types, and nothing of how they are answered."""
