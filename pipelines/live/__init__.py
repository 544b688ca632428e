"""A camera's picture with edited faces, frame by frame, none waiting for a later one."""
