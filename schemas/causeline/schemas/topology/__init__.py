"""What a tenant says of its services: who owns them, what they call, where their code lies; and the graph that it makes."""
