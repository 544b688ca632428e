"""The four systems on a light trunk, sized for the default generator and for two CPU cores."""
