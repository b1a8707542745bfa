"""Collection: deliveries are read in batches, checked against their contract, protected and loaded."""
