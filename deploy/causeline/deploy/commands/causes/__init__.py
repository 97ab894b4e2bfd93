"""`causeline causes fit | use`: weights of rankings from what people said."""
