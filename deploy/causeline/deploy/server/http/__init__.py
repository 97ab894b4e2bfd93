"""The HTTP shell: granian, its socket, its connections and bodies."""
