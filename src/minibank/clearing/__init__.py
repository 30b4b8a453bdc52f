"""Files of a card scheme's clearing: read strictly, booked by the engine, reconciled."""
