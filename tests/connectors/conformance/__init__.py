"""What every kind in the catalogue must do: nobody writes these tests, a folder is enough."""
