"""Files of earlier states: nothing lists them, and readers in flight want them."""
