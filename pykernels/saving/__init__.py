"""Files (`keras.saving`)."""
