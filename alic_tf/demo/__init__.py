"""A page to try the codec on: pictures dropped there, coded here, compared at equal bytes."""
