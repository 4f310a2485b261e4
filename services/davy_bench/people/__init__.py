"""What enhancement is worth in people: precision and recall of a detector on raw, enhanced and evenly lit pictures."""
