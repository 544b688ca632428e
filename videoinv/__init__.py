"""videoinv: images in, latents and images out; knows nothing of video."""
