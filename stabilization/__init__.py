"""Time: cuts, tracks, filters and measures; numpy and scipy only."""
