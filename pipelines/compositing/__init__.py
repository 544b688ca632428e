"""Parts of the compositing: masks in the crop, light, and the paste into the frame."""
