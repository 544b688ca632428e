"""What people run: media, streaming, compositing and the command line."""
