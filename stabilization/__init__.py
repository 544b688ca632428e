"""Time: cuts, tracks, filters and measures; numpy and scipy only, no network, no video.

    cuts         CutDetector: which frame begins a new shot
    tracks       Tracker: detections → tracks; interpolate_gap for the frames without one
    people       People: who comes back is recognised; every track gets a person's number
    selection    which track is edited: largest, by reference
    filters      Gaussian and Savitzky–Golay with look-ahead; the push/flush interface; angles
    one_euro     OneEuro: the causal filter, for a picture that cannot wait and trembles
    lip_motion   LipMotion: how far lips must part beyond what an edit does
    measures     jitter with lag and amplitude, the breathing crop, tLP
    identity     TL-ID and TG-ID
    warping      warping error and tOF, given optical flow

All of it streams: what is held in memory does not grow with the video, except in the measures
that are defined over all pairs of frames or on a spectrum, which hold a few numbers per frame.
Bad arguments raise ValueError.
"""
