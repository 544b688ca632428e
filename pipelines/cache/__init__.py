"""What has been computed about a clip, kept beside the output."""
